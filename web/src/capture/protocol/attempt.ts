// One attempt as the page sees it: opens a way to the server, keeps the chain, and tells what to show. Start at
// `Attempt.begin`. It takes frames that are already JPEG and times that were already read, so it needs no camera.
import { captureChallenge, Chain } from './chain';
import { Conversation, type Outcome } from './conversation';
import { Malformed, readMessage, type Assertion, type CancelReason, type Hello, type HintName, type Ready, type Step } from './messages';
import { openRequests } from './requests';
import { openSocket } from './socket';
import { CannotOpen, type Address, type Ears, type Open, type Transport } from './transport';

/** Bytes that the server takes of an attempt; the rest of the bounds come with `ready`. */
export const MOST_BYTES = 24 * 1024 * 1024;

/** What the page does about an attempt. */
export interface AttemptView {
  ready(ready: Ready): void;
  step(step: Step): void;
  hint(hint: HintName): void;
  /** The person is asked to confirm with a key of this device. */
  confirming(): void;
  /** All is sent; the server makes up its mind. */
  finishing(): void;
  /** Once, last. */
  over(outcome: Outcome): void;
}

export interface AttemptOptions {
  address: Address;
  hello: Hello;
  /** A reference picture, where the session expects one from the device. */
  reference?: Blob | undefined;
  /** Signs a challenge with one of the keys that the server lists, if this device has it and the person wants to. */
  sign?: (keys: string[], challenge: Uint8Array<ArrayBuffer>) => Promise<Assertion | undefined>;
  /** The ways to try, in order. */
  ways?: Open[];
}

export class Attempt {
  private readonly conversation = new Conversation();
  private transport: Transport | undefined;
  private chain: Chain | undefined;
  /** Frames are chained one by one, in the order in which they were taken. */
  private queue: Promise<void> = Promise.resolve();
  /** What the server says is dealt with one by one: the chain must have begun before a step is shown. */
  private inbox: Promise<void> = Promise.resolve();
  private lastCaptureMs = -1;
  private taken = 0;
  private bytes = 0;
  private limits: Ready | undefined;

  private constructor(
    private readonly options: AttemptOptions,
    private readonly view: AttemptView,
  ) {}

  static begin(options: AttemptOptions, view: AttemptView): Attempt {
    const attempt = new Attempt(options, view);
    void attempt.open(options.ways ?? [openSocket, openRequests]);
    return attempt;
  }

  /** Whether a frame that is taken now would be sent now. */
  get wantsFrame(): boolean {
    const { chain, limits, transport } = this;
    if (!chain || !limits || !transport || !this.conversation.isRunning) return false;
    return this.taken < limits.mostFrames && this.bytes < MOST_BYTES - limits.mostFrameBytes && !transport.isCongested;
  }

  /** A frame, while it is still being encoded. `step` was on the screen at `captureMs`. */
  frame(captureMs: number, step: number, encoded: Promise<Blob | undefined>): void {
    // Two frames of one moment are one frame.
    if (captureMs <= this.lastCaptureMs) return;
    this.lastCaptureMs = captureMs;
    this.taken += 1;
    this.queue = this.queue.then(async () => {
      const blob = await encoded;
      if (!blob || !this.chain || !this.limits || this.conversation.isOver) return;
      const jpeg = new Uint8Array(await blob.arrayBuffer());
      if (jpeg.length > this.limits.mostFrameBytes) return;
      this.bytes += jpeg.length;
      this.transport?.frame(await this.chain.add(captureMs, step, jpeg));
    });
  }

  /** The step is on the screen since `t`. */
  shown(step: number, t: number): void {
    this.transport?.shown(step, t);
  }

  /** Gives the attempt up. Nothing is told of it afterwards. */
  cancel(reason: CancelReason): void {
    if (this.conversation.isOver) return;
    this.conversation.close();
    const { transport } = this;
    transport?.cancel(reason);
    // The word must get out before the way is closed.
    setTimeout(() => transport?.close(), 1_000);
  }

  private async open(ways: Open[]): Promise<void> {
    for (const [place, way] of ways.entries()) {
      // A way that closed without a word is followed by the next, whose messages are its own.
      let isDropped = false;
      const isLast = place === ways.length - 1;
      const ears: Ears = {
        heard: (message) => {
          if (!isDropped) this.inbox = this.inbox.then(() => this.hear(message));
        },
        closed: () => {
          if (isDropped) return;
          isDropped = true;
          this.inbox = this.inbox.then(() => {
            if (isLast || this.conversation.hasBegun || this.conversation.isOver) this.end({ type: 'lost' });
            else void this.open(ways.slice(place + 1));
          });
        },
      };
      try {
        this.transport = await way(this.options.address, this.options.hello, ears);
        if (this.conversation.isOver) this.transport.close();
        return;
      } catch (thrown) {
        // What is no answer of ours came from something on the way.
        if (!(thrown instanceof CannotOpen || thrown instanceof Malformed)) throw thrown;
      }
    }
    this.end({ type: 'lost' });
  }

  private async hear(given: unknown): Promise<void> {
    if (this.conversation.isOver) return;
    try {
      const message = readMessage(given);
      this.conversation.hear(message);
      switch (message.type) {
        case 'ready':
          return await this.begun(message);
        case 'step':
          return this.view.step(message);
        case 'hint':
          if (message.hint) this.view.hint(message.hint);
          return;
        case 'finish':
          return void this.finish();
        case 'result':
        case 'error':
          this.transport?.close();
          this.view.over(message);
      }
    } catch (thrown) {
      if (!(thrown instanceof Malformed)) throw thrown;
      this.end({ type: 'error', code: 'ProtocolBroken', message: thrown.message, mayRetry: true, retryAfterSeconds: undefined });
    }
  }

  private async begun(ready: Ready): Promise<void> {
    if (ready.reference && this.options.reference) this.transport?.reference(this.options.reference);
    const chain = await Chain.begin(ready.sessionId, ready.nonce);
    this.chain = chain;
    this.limits = ready;
    if (!this.conversation.isOver) this.view.ready(ready);
  }

  private async finish(): Promise<void> {
    this.view.finishing();
    await this.queue;
    const { chain, limits } = this;
    if (!chain || !limits || this.conversation.isOver) return;
    const { count, end } = chain;
    let assertion: Assertion | undefined;
    if (limits.keys.length > 0 && this.options.sign) {
      this.view.confirming();
      // Whatever is wrong with it, the end goes on without.
      assertion = await this.options.sign(limits.keys, await captureChallenge(limits.sessionId, end)).catch(() => undefined);
      if (this.conversation.isOver) return;
      this.view.finishing();
    }
    this.transport?.end(count, end, assertion);
  }

  private end(outcome: Outcome): void {
    if (this.conversation.isOver) return;
    this.conversation.close();
    this.transport?.close();
    this.view.over(outcome);
  }
}
