// The page's end of the wire to the element around it.
import type { Brought } from '../protocol/messages';
import { CHANNEL, isOurs, type FromElement, type FromFrame, type Sealed } from './wire';

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

export const isFramed = (): boolean => window.parent !== window;

/** A session as the page around hands it over. */
export interface Handed {
  token: string;
  language?: string | undefined;
  brought?: Brought;
}

export class FrameWire {
  /** Where the session came from; nothing is told to anybody else. */
  private parentOrigin: string | undefined;

  /** `onsession`: the page around hands over a session. Another one may follow, from the same page only. */
  constructor(private readonly onsession: (session: Handed) => void) {
    addEventListener('message', this.came);
    // To anybody, since the page does not know who framed it; who may is the server's matter (frame-ancestors).
    const hello: Sealed<FromFrame> = { channel: CHANNEL, type: 'hello' };
    window.parent.postMessage(hello, '*');
  }

  say(message: FromFrame): void {
    if (this.parentOrigin === undefined) return;
    window.parent.postMessage({ channel: CHANNEL, ...message }, this.parentOrigin);
  }

  private readonly came = ({ source, origin, data }: MessageEvent<unknown>): void => {
    // `null` is the origin of pages that have none, such as files: nothing could be sent back to it alone.
    if (source !== window.parent || origin === 'null' || !isOurs(data) || data.type !== 'session') return;
    if (this.parentOrigin !== undefined && this.parentOrigin !== origin) return;
    const { token, language, deviceCorrelationId, userCorrelationId, reference } = data as unknown as FromElement;
    if (!isText(token)) return;
    this.parentOrigin = origin;
    const brought: Brought = {
      ...(isText(deviceCorrelationId) ? { deviceCorrelationId } : {}),
      ...(isText(userCorrelationId) ? { userCorrelationId } : {}),
      ...(reference instanceof Blob ? { reference } : {}),
    };
    this.onsession({ token, language: isText(language) ? language : undefined, brought });
  };
}
