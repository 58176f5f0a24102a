// Joins the page's kernel as a second client and sends messages that no control would send.
async ({ kernel, description, values }) => {
  const session = crypto.randomUUID();
  const channels = `ws://${location.host}/api/kernels/${kernel}/channels?session_id=${session}`;
  const socket = new WebSocket(channels);
  socket.binaryType = "arraybuffer";
  await new Promise((done) => { socket.onopen = done; });

  const send = (msg_type, content, msg_id = crypto.randomUUID()) => {
    const header = { msg_id, session, msg_type, username: "", version: "5.3", date: new Date().toISOString() };
    socket.send(JSON.stringify({ channel: "shell", header, parent_header: {}, metadata: {}, content }));
    return msg_id;
  };
  const read = (data) => {
    if (typeof data === "string") return JSON.parse(data);
    const offset = (i) => new DataView(data).getUint32(4 * (i + 1)); // buffers follow the JSON
    return JSON.parse(new TextDecoder().decode(data.slice(offset(0), offset(1))));
  };
  const until = (wanted) => new Promise((done) => {
    socket.onmessage = (event) => { const message = read(event.data); if (wanted(message)) done(message); };
  });

  const comm_id = crypto.randomUUID();
  const states = until((m) => m.content?.data?.method === "update_states");
  send("comm_open", { comm_id, target_name: "jupyter.widget.control", data: {} });
  send("comm_msg", { comm_id, data: { method: "request_states" } });
  const widgets = Object.entries((await states).content.data.states);
  const [victim] = widgets.find(([, widget]) => widget.state.description === description);
  for (const value of values) {
    const data = { method: "update", state: { value }, buffer_paths: [] };
    const id = crypto.randomUUID();
    const idle = until((m) =>
      m.parent_header?.msg_id === id && m.content?.execution_state === "idle");
    send("comm_msg", { comm_id: victim, data }, id);
    await idle;
  }
  socket.close();
}
