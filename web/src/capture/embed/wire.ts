// What the element `likeness-capture` and the page in its frame say to each other, by `postMessage`. Both check where a
// message comes from, and name where theirs goes to; only `hello` goes to anybody, and says nothing.
import type { FlowEvent } from '../flow.svelte';
import type { Brought } from '../protocol/messages';

export const CHANNEL = 'likeness-capture';

/** From the page in the frame. */
export type FromFrame =
  /** The page is there and waits for a token. */
  | { type: 'hello' }
  | { type: 'event'; event: FlowEvent }
  /** How tall the contents are. */
  | { type: 'height'; height: number }
  /** The camera runs: the frame covers the window, so that its light does. */
  | { type: 'cover'; on: boolean };

/** From the element. */
export interface FromElement extends Brought {
  type: 'session';
  token: string;
  language?: string;
}

export type Sealed<Message> = Message & { channel: typeof CHANNEL };

export const isOurs = (data: unknown): data is { channel: typeof CHANNEL; type: string } =>
  typeof data === 'object' && data !== null && 'channel' in data && data.channel === CHANNEL && 'type' in data;
