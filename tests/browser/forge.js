// Joins the page's kernel as a second client and sends messages that no control would send.
async ({ kernel, description, values }) => {
  const PROTOCOL = "v1.kernel.websocket.jupyter.org"; // Voila chokes on buffers in the older one
  const PATIENCE_MS = 30000; // for one answer; reached only when something is broken
  const session = crypto.randomUUID();
  const channels = `ws://${location.host}/api/kernels/${kernel}/channels?session_id=${session}`;
  const socket = new WebSocket(channels, PROTOCOL);
  socket.binaryType = "arraybuffer";
  await new Promise((done, failed) => { socket.onopen = done; socket.onerror = failed; });

  /** Offsets, as 64-bit numbers, then: channel, header, parent header, metadata, content. */
  const pack = (...parts) => {
    const encoded = parts.map((part) => new TextEncoder().encode(part));
    const offsets = [8 * (encoded.length + 2)];
    for (const part of encoded) offsets.push(offsets.at(-1) + part.length);
    const numbers = BigUint64Array.from([offsets.length, ...offsets].map(BigInt));
    return new Blob([numbers, ...encoded]);
  };
  const read = (data) => {
    const at = (i) => Number(new DataView(data).getBigUint64(8 * (i + 1), true));
    const part = (i) => JSON.parse(new TextDecoder().decode(data.slice(at(i), at(i + 1))));
    return { parent: part(2), content: part(4) };
  };
  const until = (wanted) => new Promise((done, failed) => {
    setTimeout(failed, PATIENCE_MS, new Error("the kernel does not answer"));
    socket.onmessage = (event) => { const message = read(event.data); if (wanted(message)) done(message); };
  });
  const send = (msg_type, content, msg_id = crypto.randomUUID()) => {
    const date = new Date().toISOString();
    const header = { msg_id, session, msg_type, username: "", version: "5.3", date };
    const metadata = { version: "1.0.0" }; // of the widgets' control channel
    socket.send(pack("shell", ...[header, {}, metadata, content].map((part) => JSON.stringify(part))));
    return msg_id;
  };

  const comm_id = crypto.randomUUID();
  const answered = until((message) => message.content?.data?.method === "update_states");
  send("comm_open", { comm_id, target_name: "jupyter.widget.control", data: {} });
  send("comm_msg", { comm_id, data: { method: "request_states" } });
  const widgets = Object.entries((await answered).content.data.states);
  const [victim] = widgets.find(([, widget]) => widget.state.description === description);
  for (const value of values) {
    const id = crypto.randomUUID();
    const idle = until(({ parent, content }) =>
      parent.msg_id === id && content.execution_state === "idle");
    send("comm_msg", { comm_id: victim, data: { method: "update", state: { value }, buffer_paths: [] } }, id);
    await idle;
  }
  socket.close();
}
