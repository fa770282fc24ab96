// The way of a person through a check: which screen is shown, and what leads to the next. The same for the page by link,
// the page in a frame and the tab of the studio.
import { bearer } from '../shared/api/client';
import { noticesFor } from '../shared/api/notice';
import { askedByAppServer, Consents, type Consent } from '../shared/consent';
import { canAskForCamera, type CameraTrouble } from '../shared/camera';
import { bringKey, Refused, Unreachable, type About, type Entry } from './api';
import { canRemember, makeKey } from './device-key';
import { enrolmentChallenge } from './protocol/chain';
import type { Brought, Fields, Ready, Refusal, Result } from './protocol/messages';
import { Run, type Choices, type RunOutcome } from './run.svelte';
import { texts } from './texts';

export type OverReason = keyof typeof texts.over;
export type Trouble = CameraTrouble | 'inApp';

export type Screen =
  | { name: 'loading' }
  | { name: 'welcome' }
  | { name: 'notice' }
  | { name: 'prepare' }
  | { name: 'capture'; run: Run }
  | { name: 'camera'; trouble: Trouble }
  | { name: 'done'; response: Fields | undefined; offer: Offer | undefined }
  | { name: 'notDone'; code: string; remaining: number | undefined }
  | { name: 'busy'; isInProgress: boolean; seconds: number; again: () => void }
  | { name: 'lost'; again: () => void }
  | { name: 'over'; reason: OverReason };

/** Something that the person may do after the end, and need not. */
export interface Offer {
  /** Makes a key and brings it; whether the server took it. */
  remember(): Promise<boolean>;
}

/** What a page around this one may know: never what was decided. */
export type FlowEvent =
  | { type: 'started' }
  | { type: 'ended'; status: 'Succeeded' | 'Failed' }
  | { type: 'canceled' }
  | { type: 'failed'; reason: string };

export interface FlowOptions {
  entry: Entry;
  /** The reader's language, as a BCP 47 tag. */
  language?: string | undefined;
  /** What the site around sets. */
  brought?: Brought | undefined;
  onevent?: (event: FlowEvent) => void;
}

/** A refusal without a time for the next try. */
const BUSY_SECONDS = 5;

export class Flow {
  screen = $state.raw<Screen>({ name: 'loading' });
  about = $state.raw<About>({ branding: {}, verify: false, expectsReference: false, enrolKey: false, recording: false, noticeAccepted: false });
  /** Something small is under way on this screen. */
  isBusy = $state(false);
  choices = $state<Choices>({
    withoutLight: matchMedia('(prefers-reduced-motion: reduce)').matches,
    slow: false,
    recording: false,
    speak: false,
    vibrate: false,
  });
  /** The picture that the person chose to be compared with. */
  reference = $state.raw<Blob>();
  /** Whether one is asked for here: the session expects it, and the site around brought none. */
  readonly asksForReference = $derived.by(() => this.about.expectsReference && this.options.brought?.reference === undefined);
  /** Whether nothing more can be done here. */
  readonly isOver = $derived(this.screen.name === 'done' || (this.screen.name === 'over' && !isOpen(this.screen.reason)));

  consents: Consents | undefined;
  private token = '';
  private consent: Consent | undefined;
  private ready: Ready | undefined;
  private canRemember = false;
  private hasStarted = false;
  private hasEnded = false;

  /** When the first screen is there. */
  readonly loaded: Promise<void>;

  constructor(private readonly options: FlowOptions) {
    this.loaded = this.load();
  }

  /** The first look: whose check this is, and whether there is a camera at all. Uses nothing up. */
  async load(): Promise<void> {
    this.screen = { name: 'loading' };
    await this.trying(async () => {
      this.about = await this.options.entry.about();
      this.canRemember = this.about.enrolKey && (await canRemember());
      const trouble = await troubleAhead();
      this.screen = trouble ? { name: 'camera', trouble } : { name: 'welcome' };
    }, () => void this.load());
  }

  async begin(): Promise<void> {
    this.isBusy = true;
    await this.trying(async () => {
      this.token = await this.options.entry.begin();
      const credentials = { key: { value: this.token, refuse: () => undefined }, header: bearer };
      const notices = noticesFor(credentials, () => this.options.language ?? navigator.language);
      this.consents = new Consents(notices, () => this.token);
      if (this.about.noticeAccepted) this.agreed(askedByAppServer({ noticeAccepted: true }));
      else this.screen = { name: 'notice' };
    }, () => void this.begin()).finally(() => {
      this.isBusy = false;
    });
  }

  agreed(consent: Consent): void {
    this.consent = consent;
    this.screen = { name: 'prepare' };
  }

  /** The person has read the notice and said no. */
  declined(): void {
    this.tell({ type: 'canceled' });
    this.screen = { name: 'over', reason: 'noticeRefused' };
  }

  /** The token is no longer taken. */
  expired(): void {
    this.ending('session');
  }

  readNotice(): void {
    this.hasEnded = false;
    this.screen = { name: 'notice' };
  }

  prepare(): void {
    this.screen = { name: this.consent ? 'prepare' : 'welcome' };
  }

  /** After trouble with the camera: on from where it was. */
  tryCamera(): void {
    if (this.consent) this.capture();
    else void this.load();
  }

  /** Before the camera. */
  capture(): void {
    if (!this.consent) return void this.load();
    this.hasEnded = false;
    const run = new Run({
      address: { origin: location.origin, token: this.token, verify: this.about.verify },
      choices: this.choices,
      brought: { ...(this.reference ? { reference: this.reference } : {}), ...this.options.brought },
      consent: this.consent,
      onbegun: (ready) => this.started(ready),
      onover: (outcome, remaining) => this.over(outcome, remaining, run),
    });
    this.screen = { name: 'capture', run };
  }

  /** After an attempt without an answer. A photo that was refused is chosen anew. */
  again(code: string): void {
    if (code !== 'ReferenceRefused' || !this.asksForReference) return this.capture();
    this.reference = undefined;
    this.prepare();
  }

  cancel(): void {
    if (this.screen.name === 'capture') this.screen.run.cancel('person');
    this.screen = { name: 'over', reason: 'canceled' };
  }

  /** The person goes away before the end. */
  leave(): void {
    if (this.screen.name === 'capture') this.screen.run.cancel('person');
    this.tell({ type: 'canceled' });
  }

  /** The page is closed, or another session takes its place. */
  close(): void {
    if (this.screen.name === 'capture') this.screen.run.cancel('person');
  }

  private started(ready: Ready): void {
    this.ready = ready;
    if (this.hasStarted) return;
    this.hasStarted = true;
    this.options.onevent?.({ type: 'started' });
  }

  private over(outcome: RunOutcome, remaining: number | undefined, run: Run): void {
    switch (outcome.type) {
      case 'camera':
        this.screen = { name: 'camera', trouble: isInApp() && outcome.trouble === 'refused' ? 'inApp' : outcome.trouble };
        return;
      case 'lost':
        this.screen = { name: 'lost', again: () => this.capture() };
        return;
      case 'error':
        if (texts.notDone.codes[outcome.code]) this.notDone(outcome.code, outcome.mayRetry ? remaining : 0);
        else this.refused(outcome, () => this.capture());
        return;
      case 'result':
        if (outcome.status === 'Succeeded') {
          this.screen = { name: 'done', response: outcome.response, offer: run.hasSigned ? undefined : this.offer(outcome) };
          this.tell({ type: 'ended', status: 'Succeeded' });
          return;
        }
        this.notDone(outcome.code ?? '', outcome.remainingAttempts);
    }
  }

  private offer({ digest }: Result): Offer | undefined {
    const { ready, token } = this;
    if (!this.canRemember || !ready || !digest) return undefined;
    const remember = async (): Promise<boolean> => {
      const challenge = await enrolmentChallenge(ready.sessionId, digest);
      const key = await makeKey(challenge, ready.keys, this.about.branding.name ?? location.hostname);
      return key !== undefined && (await bringKey(token, ready.attemptId, key));
    };
    return { remember };
  }

  private notDone(code: string, remaining: number | undefined): void {
    this.screen = { name: 'notDone', code, remaining };
    if (remaining === 0) this.tell({ type: 'ended', status: 'Failed' });
  }

  /** Does something at the server; what it refuses has a screen. */
  private async trying(work: () => Promise<void>, again: () => void): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      if (thrown instanceof Refused) this.refused(thrown.refusal, again);
      else if (thrown instanceof Unreachable) this.screen = { name: 'lost', again };
      else throw thrown;
    }
  }

  /** The screen of a refusal. */
  refused({ code, mayRetry, retryAfterSeconds }: Refusal, again: () => void): void {
    const ending = ENDINGS[code];
    if (ending) return this.ending(ending);
    switch (code) {
      case 'NoticeNotAccepted':
        this.consent = undefined;
        this.screen = { name: 'notice' };
        return;
      case 'ServiceUnavailable':
      case 'AttemptInProgress':
        this.screen = {
          name: 'busy',
          isInProgress: code === 'AttemptInProgress',
          seconds: Math.max(1, retryAfterSeconds ?? BUSY_SECONDS),
          again,
        };
        return;
      case 'CaptureOnAnotherNode':
        this.screen = { name: 'lost', again };
        return;
    }
    if (mayRetry) this.notDone(code, undefined);
    else this.ending('refused');
  }

  private ending(reason: OverReason): void {
    this.screen = { name: 'over', reason };
    this.tell({ type: 'failed', reason });
  }

  /** An end is told once. */
  private tell(event: FlowEvent): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.options.onevent?.(event);
  }
}

/** Whether there is a way on from a screen of this reason. */
export const isOpen = (reason: OverReason): boolean => reason === 'canceled' || reason === 'noticeRefused';

/** Refusals after which nothing can be done on this page. */
const ENDINGS: Record<string, OverReason> = {
  LinkUsed: 'linkUsed',
  LinkGone: 'linkGone',
  CallbackRefused: 'callback',
  Unauthorized: 'session',
  SessionNotFound: 'session',
  NoAttemptsLeft: 'attempts',
  CorrelationIdClosed: 'closed',
  NetworkDenied: 'notHere',
};

/** What keeps the camera from being used, as far as it can be told without asking for it. */
async function troubleAhead(): Promise<Trouble | undefined> {
  if (!canAskForCamera()) return isSecureContext ? 'inApp' : 'insecure';
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => undefined);
  return devices && !devices.some(({ kind }) => kind === 'videoinput') ? 'missing' : undefined;
}

/** Browsers inside other apps, by what they call themselves. Most have no camera for pages, or never ask for it. */
const isInApp = (): boolean => /\b(FBAN|FBAV|FB_IAB|Instagram|Line|MicroMessenger|Snapchat|TikTok|BytedanceWebview|LinkedInApp|Pinterest|Twitter|GSA)\b/.test(navigator.userAgent);
