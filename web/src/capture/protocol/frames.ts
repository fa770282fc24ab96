// Frames from the camera's video: at an even pace, as the camera saw them, each with the time at which it was taken.
import type { Ready } from './messages';
import { MOST_BYTES } from './attempt';

/** At most so many frames are encoded at a time; a slow device takes fewer frames, not older ones. */
const MOST_ENCODING = 3;
const LEAST_QUALITY = 0.5;

export interface FrameSink {
  readonly wantsFrame: boolean;
  frame(captureMs: number, encoded: Promise<Blob | undefined>): void;
}

export class FrameSource {
  private encoding = 0;
  private dueMs = 0;
  private quality: number;
  private isOver = false;
  private readonly spare: HTMLCanvasElement[] = [];
  /** What a frame may weigh on average, so that all of them fit. */
  private readonly fairBytes: number;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly limits: Ready,
    private readonly sink: FrameSink,
  ) {
    this.quality = limits.jpegQuality;
    this.fairBytes = Math.min(limits.mostFrameBytes, MOST_BYTES / Math.max(1, limits.mostFrames));
    this.next();
  }

  stop(): void {
    this.isOver = true;
  }

  private next(): void {
    if (this.isOver) return;
    // Not in every browser, whatever the types say.
    if ('requestVideoFrameCallback' in this.video) {
      this.video.requestVideoFrameCallback((now, { captureTime }) => this.came(takenAt(now, captureTime)));
    } else {
      requestAnimationFrame((now) => this.came(now));
    }
  }

  private came(captureMs: number): void {
    if (this.isOver) return;
    this.next();
    const interval = 1_000 / this.limits.framesPerSecond;
    // Cameras are not punctual: a frame that is a little early is taken, or every second one would be lost.
    if (captureMs < this.dueMs - interval / 8) return;
    if (this.encoding >= MOST_ENCODING || !this.sink.wantsFrame) return;
    this.dueMs = Math.max(this.dueMs + interval, captureMs + interval / 2);
    this.sink.frame(captureMs, this.encode());
  }

  private async encode(): Promise<Blob | undefined> {
    this.encoding += 1;
    const canvas = this.spare.pop() ?? document.createElement('canvas');
    try {
      const { width, height } = fitted(this.video.videoWidth, this.video.videoHeight, this.limits);
      if (canvas.width !== width) canvas.width = width;
      if (canvas.height !== height) canvas.height = height;
      // The video is mirrored by a style, so what is drawn here is not.
      canvas.getContext('2d', { alpha: false })?.drawImage(this.video, 0, 0, width, height);
      const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', this.quality));
      if (blob) this.weigh(blob.size);
      return blob ?? undefined;
    } finally {
      this.spare.push(canvas);
      this.encoding -= 1;
    }
  }

  /** Keeps frames as light as they must be on average, and no lighter. */
  private weigh(bytes: number): void {
    if (bytes > this.fairBytes) this.quality = Math.max(LEAST_QUALITY, this.quality - 0.05);
    else if (bytes < this.fairBytes * 0.8) this.quality = Math.min(this.limits.jpegQuality, this.quality + 0.01);
  }
}

/** When the camera took a frame, where the browser knows it and it can be true; else when the frame was shown. */
function takenAt(now: number, captureTime: number | undefined): number {
  return captureTime !== undefined && captureTime <= now && now - captureTime < 500 ? captureTime : now;
}

/** The size of a frame: not above the bounds, whichever way the device is held, and never enlarged. */
export function fitted(width: number, height: number, bounds: { width: number; height: number }): { width: number; height: number } {
  const [long, short] = [Math.max(bounds.width, bounds.height), Math.min(bounds.width, bounds.height)];
  const scale = Math.min(1, long / Math.max(width, height), short / Math.min(width, height));
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** Waits until what the page shows now has been painted; the time of that. */
export function painted(): Promise<number> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => {
      // This runs before the paint of its frame; a message that is posted here arrives after it.
      const { port1, port2 } = new MessageChannel();
      port2.onmessage = () => {
        port2.close();
        resolve(performance.now());
      };
      port1.postMessage(undefined);
    });
  });
}
