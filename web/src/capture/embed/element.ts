// The script that other sites load: `<likeness-capture endpoint="https://faces.example" token="...">`. It makes a frame
// with the capture page of that server, hands it the session's token, and tells by events how it went; never a decision.
import { CHANNEL, isOurs, type FromElement, type FromFrame, type Sealed } from './wire';

const LEAST_HEIGHT = 420;

class LikenessCapture extends HTMLElement {
  static readonly observedAttributes = ['endpoint', 'token', 'language', 'device-correlation-id', 'user-correlation-id'];

  private picture: Blob | undefined;
  private frame: HTMLIFrameElement | undefined;
  private origin = '';
  private isWaiting = false;

  /** A reference picture, for a session with verify that has none. */
  get reference(): Blob | undefined {
    return this.picture;
  }

  set reference(picture: Blob | undefined) {
    this.picture = picture;
    if (this.isConnected) this.renew();
  }

  connectedCallback(): void {
    addEventListener('message', this.came);
    this.style.display ||= 'block';
    this.renew();
  }

  disconnectedCallback(): void {
    removeEventListener('message', this.came);
    this.drop();
  }

  attributeChangedCallback(_name: string, before: string | null, after: string | null): void {
    if (this.isConnected && before !== after) this.renew();
  }

  /** A new frame for the session that the attributes name; attributes that are set one after the other make one frame. */
  private renew(): void {
    if (this.isWaiting) return;
    this.isWaiting = true;
    queueMicrotask(() => {
      this.isWaiting = false;
      if (this.isConnected) this.open();
    });
  }

  private open(): void {
    this.drop();
    const endpoint = this.getAttribute('endpoint');
    if (!endpoint || !this.getAttribute('token')) return;
    const page = new URL('/capture?framed', new URL(endpoint, document.baseURI));
    this.origin = page.origin;
    const frame = document.createElement('iframe');
    frame.src = page.href;
    frame.title = this.getAttribute('aria-label') ?? 'Camera check';
    frame.allow = ['camera', 'publickey-credentials-get', 'publickey-credentials-create'].map((what) => `${what} ${page.origin}`).join('; ');
    frame.referrerPolicy = 'no-referrer';
    // By the object model: a site's policy may forbid styles in mark-up.
    Object.assign(frame.style, { display: 'block', width: '100%', height: `${LEAST_HEIGHT}px`, border: '0', colorScheme: 'normal' });
    this.frame = frame;
    this.append(frame);
  }

  private drop(): void {
    this.cover(false);
    this.frame?.remove();
    this.frame = undefined;
  }

  private readonly came = ({ source, origin, data }: MessageEvent<unknown>): void => {
    if (!this.frame || source !== this.frame.contentWindow || origin !== this.origin || !isOurs(data)) return;
    const message = data as Sealed<FromFrame>;
    switch (message.type) {
      case 'hello':
        return this.handOver();
      case 'height':
        if (Number.isFinite(message.height)) this.frame.style.height = `${Math.max(LEAST_HEIGHT, Math.ceil(message.height))}px`;
        return;
      case 'cover':
        return this.cover(message.on === true);
      case 'event':
        return this.tell(message.event);
    }
  };

  private handOver(): void {
    const [token, language, deviceCorrelationId, userCorrelationId] = ['token', 'language', 'device-correlation-id', 'user-correlation-id'].map(
      (name) => this.getAttribute(name),
    );
    if (!token) return;
    const session: Sealed<FromElement> = {
      channel: CHANNEL,
      type: 'session',
      token,
      ...(language ? { language } : {}),
      ...(deviceCorrelationId ? { deviceCorrelationId } : {}),
      ...(userCorrelationId ? { userCorrelationId } : {}),
      ...(this.picture ? { reference: this.picture } : {}),
    };
    this.frame?.contentWindow?.postMessage(session, this.origin);
  }

  private tell(event: (FromFrame & { type: 'event' })['event']): void {
    const { type } = event;
    const detail = type === 'ended' ? { status: event.status } : type === 'failed' ? { reason: event.reason } : undefined;
    this.dispatchEvent(new CustomEvent(`likeness-${type}`, { bubbles: true, composed: true, detail }));
  }

  /** Over the whole window and above everything else, without being loaded again. */
  private cover(on: boolean): void {
    const { frame } = this;
    if (!frame) return;
    const covering = { position: 'fixed', inset: '0', zIndex: '2147483647', width: '100vw', height: '100dvh', margin: '0', padding: '0' };
    if (on) {
      frame.dataset['height'] ??= frame.style.height;
      Object.assign(frame.style, covering);
      // The top layer: above dialogs, and out of whatever moves or clips its surroundings.
      if (frame.showPopover) {
        frame.popover = 'manual';
        frame.showPopover();
      }
      return;
    }
    if (frame.popover) {
      frame.hidePopover();
      frame.popover = null;
    }
    for (const name of Object.keys(covering)) frame.style.removeProperty(name === 'zIndex' ? 'z-index' : name);
    frame.style.width = '100%';
    frame.style.height = frame.dataset['height'] ?? `${LEAST_HEIGHT}px`;
    delete frame.dataset['height'];
  }
}

if (!customElements.get('likeness-capture')) customElements.define('likeness-capture', LikenessCapture);
