// The chain that binds frames to an attempt and to each other: SHA-256 over what came before and the frame. It knows
// nothing of cameras, sockets or time.

const OPENING = 'likeness-frames-v1';
const HEAD_BYTES = 30;
/** Bytes of the head that the tail goes over: sequence number, time and step. */
const HASHED_BYTES = 14;
const TAIL_BYTES = 16;

/** A frame that is part of the chain. */
export interface ChainedFrame {
  seq: number;
  captureMs: number;
  step: number;
  /** The first 16 bytes of the chain at this frame. */
  tail: Uint8Array<ArrayBuffer>;
  jpeg: Uint8Array<ArrayBuffer>;
}

export class Chain {
  /** How many frames are in it. */
  count = 0;

  private constructor(private tail: Uint8Array<ArrayBuffer>) {}

  /** `nonce` is that of `ready`, in base64url. */
  static async begin(sessionId: string, nonce: string): Promise<Chain> {
    return new Chain(await sha256(bytesOf(OPENING + sessionId), fromBase64Url(nonce)));
  }

  /** Calls must not overlap: each frame goes over the one before. */
  async add(captureMs: number, step: number, jpeg: Uint8Array<ArrayBuffer>): Promise<ChainedFrame> {
    const seq = this.count + 1;
    this.tail = await sha256(this.tail, head(seq, captureMs, step), jpeg);
    this.count = seq;
    return { seq, captureMs, step, tail: this.tail.slice(0, TAIL_BYTES), jpeg };
  }

  /** The whole last tail, in base64url, for `end`. */
  get end(): string {
    return toBase64Url(this.tail);
  }
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** The challenge for a key that signs the end of an attempt. `tail` is that of `end`. */
export const captureChallenge = (sessionId: string, tail: string): Promise<Uint8Array<ArrayBuffer>> =>
  sha256(bytesOf(`likeness-capture-v1${sessionId}`), fromBase64Url(tail));

/** The challenge for which a new key is made after an attempt, whose digest is in hexadecimal. */
export const enrolmentChallenge = (sessionId: string, digest: string): Promise<Uint8Array<ArrayBuffer>> =>
  sha256(bytesOf(`likeness-enrol-v1${sessionId}`), Uint8Array.from(digest.match(/../g) ?? [], (pair) => parseInt(pair, 16)));

function head(seq: number, captureMs: number, step: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HASHED_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, seq);
  view.setFloat64(4, captureMs);
  view.setUint16(12, step);
  return bytes;
}

/** A frame as a binary message: its head and the JPEG. */
export function toBytes({ seq, captureMs, step, tail, jpeg }: ChainedFrame): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEAD_BYTES + jpeg.length);
  bytes.set(head(seq, captureMs, step));
  bytes.set(tail, HASHED_BYTES);
  bytes.set(jpeg, HEAD_BYTES);
  return bytes;
}

async function sha256(...parts: Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest('SHA-256', joined));
}

export const toBase64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');

export const fromBase64Url = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (sign) => sign.charCodeAt(0));
