// What an attempt needs of a way to the server. Two have it: `socket.ts` and `requests.ts`.
import type { ChainedFrame } from './chain';
import type { Assertion, CancelReason, Hello } from './messages';

export interface Ears {
  /** A message of the server, not yet read. */
  heard(message: unknown): void;
  /** The way is closed, or broken; nothing comes any more. */
  closed(): void;
}

export interface Transport {
  /** Whether a frame would have to wait: it is better not taken then. */
  readonly isCongested: boolean;
  reference(picture: Blob): void;
  frame(frame: ChainedFrame): void;
  shown(step: number, t: number): void;
  end(count: number, tail: string, assertion: Assertion | undefined): void;
  cancel(reason: CancelReason): void;
  close(): void;
}

/** Which session, and where. */
export interface Address {
  /** Origin of the server, such as `https://faces.example`. */
  origin: string;
  token: string;
  /** Whether the session also compares with a reference. */
  verify: boolean;
}

export const singleModal = ({ verify }: Address): string =>
  `/face/v1.2/detectLiveness${verify ? 'WithVerify' : ''}/singleModal`;

/** Opens a way and says hello; throws `CannotOpen` where this way is blocked. */
export type Open = (address: Address, hello: Hello, ears: Ears) => Promise<Transport>;

/** This way to the server is blocked; another may not be. */
export class CannotOpen extends Error {}
