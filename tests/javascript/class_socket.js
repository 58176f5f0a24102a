// Websocket of a class in node: a test opens it, reads messages sent, and sends the server's.

/** Connect function for a page of a class, and the sockets that it made. */
export function fakeSockets() {
  const sockets = [];
  const connect = (address) => {
    const socket = {
      address,
      sent: [],
      send: (text) => socket.sent.push(JSON.parse(text)),
      close: () => socket.onclose(),
      tell: (message) => socket.onmessage({ data: JSON.stringify(message) }),
    };
    sockets.push(socket);
    return socket;
  };
  return { sockets, connect };
}

/** Messages of a vote as the server sends them. */
export const CHOICE = {
  id: 3,
  kind: "choice",
  title: "Ship it?",
  round: 1,
  state: "open",
  options: ["yes", "no"],
};
export const NUMBER = {
  ...{ id: 4, kind: "number", title: "Where is the cliff?", round: 1, state: "open" },
  ...{ low: 0, high: 100, step: 5, unit: "%" },
};
export const HOSTILE = '</script><img src=x onerror="alert(1)">\u202e"\'' + "x".repeat(10000);
