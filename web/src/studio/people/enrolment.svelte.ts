// Making a group from understood people: creates, adds, trains; can be stopped; knows at every moment what exists.
import * as api from '../../shared/api/face';
import { asProblem, Problem, wasStopped } from '../../shared/api/problem';
import { pause } from '../../shared/api/traffic.svelte';
import { closePhoto, openPhoto } from '../../shared/photo';
import { sharedTexts } from '../../shared/texts';
import { texts } from '../texts';
import { flawsOf } from './reference';
import type { UnderstoodPerson } from './understand';

export type Phase = 'creating' | 'adding' | 'training' | 'done' | 'stopped' | 'failed';

/** A photo, and what is the matter with it. */
export interface Remark {
  person: string;
  file: string;
  reason: string;
}

const POLL_MILLISECONDS = 400;

export class Enrolment {
  phase = $state<Phase>('creating');
  /** Photos dealt with, added or skipped. */
  handled = $state(0);
  added = $state(0);
  /** People that exist on the server with at least one photo. */
  persons = $state(0);
  skipped = $state.raw<Remark[]>([]);
  /** Photos that were added and are poor references. */
  poor = $state.raw<Remark[]>([]);
  /** People none of whose photos could be used. */
  without = $state.raw<string[]>([]);
  secondsLeft = $state<number | undefined>(undefined);
  problem = $state.raw<Problem | undefined>(undefined);
  /** Whether the group exists on the server. */
  exists = $state(false);

  readonly total: number;
  readonly #stop = new AbortController();

  constructor(
    readonly id: string,
    readonly name: string,
    readonly people: UnderstoodPerson[],
  ) {
    this.total = people.reduce((sum, person) => sum + person.photos.length, 0);
  }

  get running(): boolean {
    return this.phase === 'creating' || this.phase === 'adding' || this.phase === 'training';
  }

  stop(): void {
    this.#stop.abort();
  }

  async run(): Promise<void> {
    await this.#guarded(async () => {
      await api.createGroup(this.id, this.name, this.#stop.signal);
      this.exists = true;
      this.phase = 'adding';
      const begun = performance.now();
      for (const person of this.people) await this.#addPerson(person, begun);
      if (this.added === 0) throw new Problem(texts.people.noneUsable, texts.people.noneUsableRemedy);
      await this.#train();
    });
  }

  /** Trains what was added before a stop. */
  async finish(): Promise<void> {
    await this.#guarded(() => this.#train(new AbortController().signal));
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    this.problem = undefined;
    try {
      await work();
      this.phase = 'done';
    } catch (thrown) {
      if (wasStopped(thrown)) {
        this.phase = 'stopped';
      } else {
        this.problem = asProblem(thrown);
        this.phase = 'failed';
      }
    }
  }

  async #addPerson({ name, photos }: UnderstoodPerson, begun: number): Promise<void> {
    const personId = await api.createPerson(this.id, name, this.#stop.signal);
    let added = 0;
    for (const file of photos) {
      this.#stop.signal.throwIfAborted();
      const reason = await this.#addPhoto(name, personId, file);
      if (reason === undefined) {
        added += 1;
        this.added += 1;
        // Counted with the first photo, so that a stop in between reports no person without one.
        if (added === 1) this.persons += 1;
      } else {
        this.skipped = [...this.skipped, { person: name, file: file.name, reason }];
      }
      this.handled += 1;
      const each = (performance.now() - begun) / this.handled;
      this.secondsLeft = (each * (this.total - this.handled)) / 1000;
    }
    if (added === 0) {
      await api.deletePerson(this.id, personId);
      this.without = [...this.without, name];
    }
  }

  /** Adds one photo, or says why it was skipped. Troubles that concern more than this photo are thrown. */
  async #addPhoto(person: string, personId: string, file: File): Promise<string | undefined> {
    let photo;
    try {
      photo = await openPhoto(file);
    } catch {
      return texts.people.reasons.unreadable;
    }
    try {
      const [, judged] = await Promise.all([
        api.addFace(this.id, personId, photo.bytes, this.#stop.signal),
        // A photo that cannot be judged is told of by the other call.
        api.judgeReference(photo.bytes, this.#stop.signal).catch(() => []),
      ]);
      const flaws = judged.flatMap(flawsOf);
      if (flaws.length > 0) {
        const reason = flaws.map((flaw) => texts.people.flaws[flaw]).join(', ');
        this.poor = [...this.poor, { person, file: file.name, reason }];
      }
      return undefined;
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.status === 400) return skipReason(thrown);
      throw thrown;
    } finally {
      closePhoto(photo);
    }
  }

  async #train(signal = this.#stop.signal): Promise<void> {
    this.phase = 'training';
    this.secondsLeft = undefined;
    await api.train(this.id, signal);
    await untilTrained(this.id, signal);
  }
}

/** Resolves when the latest training of the group has succeeded. */
export async function untilTrained(groupId: string, signal?: AbortSignal): Promise<void> {
  for (;;) {
    const training = await api.trainingOf(groupId, signal);
    const status = training.status.toLowerCase();
    if (status === 'succeeded') return;
    if (status === 'failed') {
      throw new Problem(training.message ?? texts.people.trainingFailed, sharedTexts.errors.server);
    }
    await pause(POLL_MILLISECONDS, signal);
  }
}

/** The API has one code for all unusable pictures; only its text tells them apart. */
function skipReason({ message }: Problem): string {
  if (/no face/i.test(message)) return texts.people.reasons.noFace;
  if (/more than 1 face/i.test(message)) return texts.people.reasons.severalFaces;
  if (/cannot be decoded/i.test(message)) return texts.people.reasons.unreadable;
  return message;
}
