// A connection to a kernel, as JupyterLab's services give it to widgets: a test sends its signals.

/** A signal of Lumino: callbacks that get the sender and a value. */
function signal() {
  const callbacks = new Set();
  return {
    callbacks,
    connect: (callback) => callbacks.add(callback),
    disconnect: (callback) => callbacks.delete(callback),
    emit: (value) => [...callbacks].forEach((callback) => callback(null, value)),
  };
}

/** A kernel that has the comms of some models; `comms` can be set. */
export function fakeKernel(...models) {
  const kernel = {
    id: "k1",
    status: "idle",
    comms: Object.fromEntries(models.map((id) => [id, {}])),
    serverSettings: { baseUrl: "http://localhost/base/" },
    statusChanged: signal(),
    connectionStatusChanged: signal(),
    disposed: signal(),
    requestCommInfo: async () => ({ content: { status: "ok", comms: kernel.comms } }),
    turn(status) {
      kernel.status = status;
      kernel.statusChanged.emit(status);
    },
    line: (state) => kernel.connectionStatusChanged.emit(state),
  };
  return kernel;
}
