// Websocket of a page to its class. It connects again by itself; the server then tells the state anew.

/** @import { Channel, Message, Socket } from "./class_types" */

const FIRST_MS = 500,
  MOST_MS = 5000;

/**
 * Open the channel of a page.
 * @param {string} view page, teacher or show
 * @param {(message: Message) => void} receive
 * @param {(isOpen: boolean) => void} [turned] told when the connection opens or is lost
 * @param {(address: string) => Socket} [connect]
 * @returns {Channel}
 */
export function openChannel(view, receive, turned = () => {}, connect = (address) => new WebSocket(address)) {
  const address = `${location.origin.replace(/^http/, "ws")}/class/live?view=${view}`;
  /** @type {Socket | null} */
  let open = null;
  let pause = FIRST_MS,
    isOver = false;
  const begin = () => {
    const socket = connect(address);
    socket.onopen = () => {
      open = socket;
      pause = FIRST_MS;
      turned(true);
    };
    socket.onmessage = ({ data }) => receive(JSON.parse(data));
    socket.onclose = () => {
      if (open === socket) turned(false);
      open = null;
      if (isOver) return;
      setTimeout(begin, pause * (0.5 + Math.random() / 2)); // a class does not return in one instant
      pause = Math.min(2 * pause, MOST_MS);
    };
  };
  begin();
  return {
    send(message) {
      if (open) open.send(JSON.stringify(message));
      return open !== null;
    },
    close() {
      isOver = true;
      open?.close();
    },
  };
}
