// The usual way: one WebSocket that carries everything.
import { toBytes } from './chain';
import type { Hello } from './messages';
import { CannotOpen, singleModal, type Address, type Ears, type Transport } from './transport';

const PROTOCOL = 'likeness.capture.v1';
/** A proxy that swallows the handshake never answers it. */
const OPENING_MS = 8_000;
/** About half a second of frames. What waits longer tells nothing about now. */
const MOST_WAITING_BYTES = 300 * 1024;

export function openSocket(address: Address, hello: Hello, ears: Ears): Promise<Transport> {
  const url = new URL(singleModal(address), address.origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return new Promise((resolve, reject) => {
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, PROTOCOL);
    } catch {
      // A policy of the page or the browser forbids it.
      return reject(new CannotOpen());
    }
    socket.binaryType = 'arraybuffer';
    const patience = setTimeout(() => socket.close(), OPENING_MS);
    const failed = (): void => {
      clearTimeout(patience);
      reject(new CannotOpen());
    };
    socket.addEventListener('close', failed);
    socket.addEventListener('open', () => {
      clearTimeout(patience);
      socket.removeEventListener('close', failed);
      socket.addEventListener('close', () => ears.closed());
      socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => ears.heard(parsed(data)));
      say(socket, { type: 'hello', token: address.token, ...hello });
      resolve(over(socket));
    });
  });
}

function over(socket: WebSocket): Transport {
  return {
    get isCongested() {
      return socket.bufferedAmount > MOST_WAITING_BYTES;
    },
    reference: (picture) => socket.readyState === WebSocket.OPEN && socket.send(picture),
    frame: (frame) => socket.readyState === WebSocket.OPEN && socket.send(toBytes(frame)),
    shown: (step, t) => say(socket, { type: 'shown', step, t }),
    end: (count, tail, assertion) => say(socket, { type: 'end', count, tail, ...(assertion ? { assertion } : {}) }),
    cancel: (reason) => say(socket, { type: 'cancel', reason }),
    close: () => socket.close(),
  };
}

function say(socket: WebSocket, message: object): void {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** A message that is no JSON text is handed on as it is, and is malformed to whoever reads it. */
function parsed(data: unknown): unknown {
  if (typeof data !== 'string') return data;
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
