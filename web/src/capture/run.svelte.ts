// One run before the camera: opens it, shows the steps of an attempt at the right moment, and lets everything go at the
// end. `CameraScreen.svelte` draws what this says.
import { tick } from 'svelte';
import { CameraError, closeCamera, openCamera, type CameraTrouble } from '../shared/camera';
import type { Consent } from '../shared/consent';
import { pause } from '../shared/api/traffic.svelte';
import { signWithKey } from './device-key';
import { Attempt } from './protocol/attempt';
import type { Outcome } from './protocol/conversation';
import { FrameSource, painted } from './protocol/frames';
import type { Assertion, Brought, CancelReason, Hello, HintName, Oval, Ready, Step, TimedColour } from './protocol/messages';
import type { Address } from './protocol/transport';

export interface Choices {
  withoutLight: boolean;
  slow: boolean;
  /** A recording may be kept. */
  recording: boolean;
  speak: boolean;
  vibrate: boolean;
}

export type RunOutcome = Outcome | { type: 'camera'; trouble: CameraTrouble };

export interface RunOptions {
  address: Address;
  choices: Choices;
  consent: Consent;
  brought: Brought;
  onbegun: (ready: Ready) => void;
  /** `remaining`: attempts that were left after this one when it began. */
  onover: (outcome: RunOutcome, remaining: number | undefined) => void;
}

/** Less than three flashes a second, whatever is asked for (WCAG 2.3.1). */
const LEAST_COLOUR_MS = 350;
/** How much longer than the attempt the page waits for its result. */
const GRACE_MS = 15_000;
/** How long the server waits for somebody who confirms with a key. */
const CONFIRM_MS = 30_000;

export class Run {
  phase = $state<'opening' | 'connecting' | 'running' | 'confirming' | 'finishing'>('opening');
  step = $state.raw<Step>();
  hint = $state<HintName>();
  oval = $state.raw<Oval>();
  /** What the window is filled with. */
  colour = $state<string>();
  /** Size of the camera's picture. */
  size = $state.raw({ width: 640, height: 480 });
  /** How far it is, as well as can be said: what is still to come is not known. */
  progress = $state(0);
  /** Nobody, or somebody else too, is there: coloured light stops. */
  readonly isAway = $derived(this.hint === 'noFace' || this.hint === 'moreFaces');

  /** Whether a key of this device has signed: it is remembered already. */
  hasSigned = false;

  private stream: MediaStream | undefined;
  private attempt: Attempt | undefined;
  private source: FrameSource | undefined;
  private video: HTMLVideoElement | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  /** Which steps were on the screen since when, the latest first. */
  private shownSteps: { step: number; t: number }[] = [];
  private remaining: number | undefined;
  private lastColourMs = -Infinity;
  private readonly ended = new AbortController();

  constructor(private readonly options: RunOptions) {}

  async start(video: HTMLVideoElement): Promise<void> {
    this.video = video;
    try {
      const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
      const stream = await openCamera('user', this.options.consent, wanted);
      if (this.isOver) return closeCamera(stream);
      this.stream = stream;
      video.srcObject = stream;
      await video.play();
    } catch (thrown) {
      return this.over({ type: 'camera', trouble: thrown instanceof CameraError ? thrown.trouble : 'failed' });
    }
    if (this.isOver) return;
    // Unplugged, or taken by another program.
    this.stream.getVideoTracks()[0]?.addEventListener('ended', () => {
      this.attempt?.cancel('camera');
      this.over({ type: 'camera', trouble: 'inUse' });
    });
    this.size = { width: video.videoWidth, height: video.videoHeight };
    this.phase = 'connecting';
    this.watch(GRACE_MS);
    this.attempt = Attempt.begin(
      {
        address: this.options.address,
        hello: this.hello(video),
        reference: this.options.brought.reference,
        sign: (keys, challenge) => this.sign(keys, challenge),
      },
      {
        ready: (ready) => this.begun(ready),
        step: (step) => void this.show(step),
        hint: (hint) => (this.hint = hint),
        confirming: () => this.confirming(),
        finishing: () => this.finishing(),
        over: (outcome) => this.over(outcome),
      },
    );
  }

  /** Gives up; nothing is told of it. */
  cancel(reason: CancelReason): void {
    this.attempt?.cancel(reason);
    this.release();
  }

  private get isOver(): boolean {
    return this.ended.signal.aborted;
  }

  private hello(video: HTMLVideoElement): Hello {
    const track = this.stream?.getVideoTracks()[0];
    const { facingMode, frameRate } = track?.getSettings() ?? {};
    const { withoutLight, slow, recording } = this.options.choices;
    const { reference, ...ids } = this.options.brought;
    return {
      camera: {
        width: video.videoWidth,
        height: video.videoHeight,
        ...(track?.label ? { label: track.label.slice(0, 100) } : {}),
        ...(facingMode ? { facingMode } : {}),
        ...(frameRate ? { frameRate } : {}),
      },
      screen: { width: screen.width, height: screen.height },
      withoutLight,
      slow,
      recording,
      reference: reference !== undefined,
      ...ids,
    };
  }

  private begun(ready: Ready): void {
    if (this.isOver || !this.video || !this.attempt) return;
    const { attempt } = this;
    this.phase = 'running';
    this.watch(ready.seconds * 1_000 + GRACE_MS);
    this.source = new FrameSource(this.video, ready, {
      get wantsFrame() {
        return attempt.wantsFrame;
      },
      frame: (captureMs, encoded) => attempt.frame(captureMs, this.stepAt(captureMs), encoded),
    });
    this.remaining = ready.remainingAttempts;
    this.options.onbegun(ready);
  }

  /** The step that was on the screen when the camera took a frame, which is a little before the page gets it. */
  private stepAt(captureMs: number): number {
    return this.shownSteps.find(({ t }) => t <= captureMs)?.step ?? 0;
  }

  private async show(step: Step): Promise<void> {
    // Where light was declined there is none, whatever is asked for.
    const isUnwanted = this.options.choices.withoutLight && step.kind === 'light';
    if (isUnwanted) {
      this.attempt?.cancel('person');
      return this.over({ type: 'error', code: 'UnexpectedServerError', message: '', mayRetry: true, retryAfterSeconds: undefined });
    }
    try {
      if (this.colour !== undefined || step.kind === 'light') await this.calm();
      // A hint belongs to its step; what still holds is said again.
      this.hint = undefined;
      this.colour = step.kind === 'light' ? step.colour : undefined;
      if (step.kind === 'light') this.lastColourMs = performance.now();
      this.step = step;
      if ('oval' in step) this.oval = step.oval;
      if (step.kind === 'settle' && step.colours.length > 0 && !this.options.choices.withoutLight) {
        await this.settled(step);
        await this.colours(step, step.colours);
      } else {
        await this.onScreen(step);
      }
    } catch (thrown) {
      // The run ended meanwhile.
      if (!this.isOver) throw thrown;
    }
  }

  /** Tells that a step is on the screen, once it has been painted. */
  private async onScreen({ step }: Step): Promise<void> {
    await tick();
    const t = await painted();
    if (this.isOver) return;
    this.shownSteps.unshift({ step, t });
    this.attempt?.shown(step, t);
    this.progress = 1 - 0.8 ** step;
  }

  /** Waits until the server has seen the face where it should be. */
  private async settled(step: Step): Promise<void> {
    while (this.hint !== 'good' && this.step === step) await pause(50, this.ended.signal);
  }

  private async colours(step: Step, list: TimedColour[]): Promise<void> {
    let isFirst = true;
    for (const { colour, milliseconds } of list) {
      await this.calm();
      if (this.step !== step) return;
      this.colour = colour;
      this.lastColourMs = performance.now();
      if (isFirst) await this.onScreen(step);
      isFirst = false;
      await pause(milliseconds, this.ended.signal);
    }
    if (this.step === step) this.colour = undefined;
  }

  /** Keeps colours from changing too fast. */
  private async calm(): Promise<void> {
    const left = this.lastColourMs + LEAST_COLOUR_MS - performance.now();
    if (left > 0) await pause(left, this.ended.signal);
  }

  private async sign(keys: string[], challenge: Uint8Array<ArrayBuffer>): Promise<Assertion | undefined> {
    const signed = await signWithKey(keys, challenge);
    this.hasSigned = signed !== undefined;
    return signed;
  }

  /** Beside the time of the attempt. */
  private confirming(): void {
    this.phase = 'confirming';
    this.watch(CONFIRM_MS + GRACE_MS);
  }

  private finishing(): void {
    this.phase = 'finishing';
    this.source?.stop();
    this.colour = undefined;
    this.hint = undefined;
    this.progress = 1;
  }

  /** A server that has fallen silent is a lost connection. */
  private watch(milliseconds: number): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      this.attempt?.cancel('person');
      this.over({ type: 'lost' });
    }, milliseconds);
  }

  private over(outcome: RunOutcome): void {
    if (this.isOver) return;
    this.release();
    this.options.onover(outcome, this.remaining);
  }

  /** The camera goes off, and nothing runs any more. */
  private release(): void {
    this.ended.abort();
    clearTimeout(this.watchdog);
    this.source?.stop();
    closeCamera(this.stream);
    if (this.video) this.video.srcObject = null;
  }
}
