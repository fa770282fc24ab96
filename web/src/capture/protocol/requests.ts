// The way where sockets are blocked: frames go in requests, and each answer brings what the server would have sent.
import { fieldsOf, type Assertion, type CancelReason, type Hello } from './messages';
import { toBase64Url, type ChainedFrame } from './chain';
import { CannotOpen, singleModal, type Address, type Ears, type Transport } from './transport';

/** The protocol's bound: one second of frames. */
const MOST_FRAMES = 10;
/** How long frames are gathered before they are sent. */
const GATHER_MS = 300;

export async function openRequests(address: Address, hello: Hello, ears: Ears): Promise<Transport> {
  const way = new Requests(address, ears);
  await way.start(hello);
  return way;
}

interface Shown {
  step: number;
  t: number;
}

const isFrame = (one: ChainedFrame | Shown): one is ChainedFrame => 'jpeg' in one;

class Requests implements Transport {
  private attemptId = 0;
  /** What must still be sent, in the order in which it happened. */
  private waiting: (ChainedFrame | Shown)[] = [];
  private picture: Blob | undefined;
  private isOver = false;
  private readonly stop = new AbortController();
  /** The node that holds the attempt, once another one has named it. */
  private origin: string;

  constructor(
    private readonly address: Address,
    private readonly ears: Ears,
  ) {
    this.origin = address.origin;
  }

  async start({ reference, ...hello }: Hello): Promise<void> {
    void reference;
    const answer = await this.post('/face/v1.2/session/start', JSON.stringify(hello)).catch(() => {
      throw new CannotOpen();
    });
    if (!answer.ok) {
      // The messages of a way are heard after it is open.
      setTimeout(() => void this.refused(answer));
      return;
    }
    const started = fieldsOf(await answer.json().catch(() => undefined));
    this.attemptId = Number(started['attemptId']);
    setTimeout(() => {
      this.hear(started['messages']);
      void this.run();
    });
  }

  get isCongested(): boolean {
    return this.waiting.length >= MOST_FRAMES;
  }

  reference(picture: Blob): void {
    this.picture = picture;
  }

  frame(frame: ChainedFrame): void {
    this.waiting.push(frame);
  }

  shown(step: number, t: number): void {
    this.waiting.push({ step, t });
  }

  end(count: number, tail: string, assertion: Assertion | undefined): void {
    void this.finish({ outcome: 'completed', count, tail, ...(assertion ? { assertion } : {}) });
  }

  cancel(reason: CancelReason): void {
    this.waiting = [];
    void this.finish({ outcome: 'canceled', errorCode: reason });
  }

  close(): void {
    this.isOver = true;
    this.stop.abort();
  }

  /** One request after the other: their order is that of the chain. */
  private sending: Promise<void> = Promise.resolve();

  private async run(): Promise<void> {
    while (!this.isOver) {
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      await this.sendWaiting();
    }
  }

  private sendWaiting(): Promise<void> {
    const sendAll = async (): Promise<void> => {
      while (this.waiting.length > 0 && !this.isOver) await this.sendPart();
    };
    this.sending = this.sending.then(sendAll).catch(() => this.broken());
    return this.sending;
  }

  /** Frames, or steps that were shown; in a request with both nothing would say which came first. */
  private nextPart(): { frames: ChainedFrame[]; shown: Shown[] } {
    const kind = this.waiting.map(isFrame);
    const change = kind.findIndex((one) => one !== kind[0]);
    const part = this.waiting.splice(0, Math.min(MOST_FRAMES, change < 0 ? this.waiting.length : change));
    return { frames: part.filter(isFrame), shown: part.filter((one) => !isFrame(one)) as Shown[] };
  }

  private async sendPart(): Promise<void> {
    const { frames, shown } = this.nextPart();
    const form = new FormData();
    const metadata = {
      frames: frames.map(({ seq, captureMs, step, tail }) => ({ seq, captureMs, step, tail: toBase64Url(tail) })),
      shown,
    };
    form.append('metadata', JSON.stringify(metadata));
    for (const { seq, jpeg } of frames) form.append('frame', new Blob([jpeg], { type: 'image/jpeg' }), `${seq}.jpg`);
    if (this.picture) form.append('VerifyImage', this.picture, 'reference.jpg');
    this.picture = undefined;
    const answer = await this.post(singleModal(this.address), form);
    if (!answer.ok) return this.refused(answer);
    if (answer.status === 200) this.hear(fieldsOf(await answer.json())['messages']);
  }

  private async finish(how: object): Promise<void> {
    if (this.isOver) return;
    // Whatever the chain holds must be there before its end.
    await this.sendWaiting();
    if (this.isOver) return;
    this.isOver = true;
    try {
      const body = JSON.stringify({ attemptId: this.attemptId, ...how });
      const answer = await this.post('/face/v1.2/session/attempt/end', body);
      if (!answer.ok) return await this.refused(answer);
      this.ears.heard({ type: 'result', ...fieldsOf(await answer.json()) });
    } catch {
      this.ears.closed();
    }
  }

  private hear(messages: unknown): void {
    for (const message of Array.isArray(messages) ? messages : []) this.ears.heard(message);
  }

  private broken(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.ears.closed();
  }

  /** An HTTP refusal, told as the socket tells it. */
  private async refused(answer: Response): Promise<void> {
    this.isOver = true;
    const body: unknown = await answer.json().catch(() => undefined);
    this.ears.heard(refusalOf(answer.status, answer.headers.get('Retry-After'), body));
  }

  private async post(path: string, body: string | FormData): Promise<Response> {
    const ask = (): Promise<Response> =>
      fetch(new URL(path, this.origin), {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${this.address.token}`,
          ...(typeof body === 'string' ? { 'Content-Type': 'application/json' } : {}),
        },
        body,
        cache: 'no-store',
        signal: this.stop.signal,
      });
    const answer = await ask();
    const node = answer.headers.get('Location');
    if (answer.status !== 409 || !node) return answer;
    this.origin = new URL(node, this.origin).origin;
    return ask();
  }
}

/** The message `error` of an HTTP answer with the error envelope. Bodies from strangers (a proxy) need not have one. */
export function refusalOf(status: number, retryAfter: string | null, body: unknown): object {
  const envelope = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  const error = typeof envelope === 'object' && envelope !== null ? (envelope as Record<string, unknown>) : {};
  const seconds = Number(retryAfter);
  return {
    type: 'error',
    code: typeof error['code'] === 'string' ? error['code'] : codeOf(status),
    message: typeof error['message'] === 'string' ? error['message'] : '',
    mayRetry: status === 409 || status === 429 || status >= 500,
    ...(retryAfter !== null && seconds >= 0 ? { retryAfterSeconds: Math.ceil(seconds) } : {}),
  };
}

function codeOf(status: number): string {
  if (status === 401) return 'Unauthorized';
  if (status === 404) return 'SessionNotFound';
  if (status === 429 || status === 503) return 'ServiceUnavailable';
  return status >= 500 ? 'UnexpectedServerError' : 'Refused';
}
