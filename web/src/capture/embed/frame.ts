// The page's end of the wire to the element around it.
import { CHANNEL, isOurs, type FromElement, type FromFrame, type Sealed } from './wire';

export const isFramed = (): boolean => window.parent !== window;

export class FrameWire {
  /** Where the session came from; nothing is told to anybody else. */
  private parentOrigin: string | undefined;

  /** `onsession`: the page around hands over a session. Another one may follow, from the same page only. */
  constructor(private readonly onsession: (session: { token: string; language: string | undefined }) => void) {
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
    const { token, language } = data as unknown as FromElement;
    if (typeof token !== 'string' || token === '') return;
    this.parentOrigin = origin;
    this.onsession({ token, language: typeof language === 'string' && language !== '' ? language : undefined });
  };
}
