// A photo, what the server is asked about it, and the newest answer: shared by Look, Identify and both sides of Compare.
import { asProblem, Problem } from '../../shared/api/problem';
import { closePhoto, openPhoto, type Photo } from '../../shared/photo';
import { sharedTexts } from '../../shared/texts';

export class PhotoQuestion<Answer> {
  photo = $state.raw<Photo>();
  answer = $state.raw<Answer>();
  problem = $state.raw<Problem>();
  busy = $state(false);
  /** The face under the pointer or the focus, and the one that was picked, on the photo or in a list beside it. */
  highlighted = $state<number>();
  selected = $state<number>();
  /** Counts the questions, so that the answer to an older one is not shown. */
  #asked = 0;
  readonly #about: (photo: Photo) => Promise<Answer | undefined>;

  /** `about` asks the server about a photo; it gives nothing while there is nothing to ask. */
  constructor(about: (photo: Photo) => Promise<Answer | undefined>) {
    this.#about = about;
  }

  /** Takes another photo and asks about it. Tells whether there is an answer, and no newer question. */
  show(file: File): Promise<boolean> {
    return this.#run(async (isNewest) => {
      const next = await openPhoto(file);
      if (!isNewest()) {
        closePhoto(next);
        return undefined;
      }
      closePhoto(this.photo);
      this.photo = next;
      this.#forgetAnswer();
      return this.#about(next);
    });
  }

  /** Asks again about the photo there is; before that, does what the question needs. */
  ask(first: () => Promise<void> = async () => undefined): Promise<boolean> {
    return this.#run(async () => {
      this.#forgetAnswer();
      await first();
      return this.photo && this.#about(this.photo);
    });
  }

  async #run(work: (isNewest: () => boolean) => Promise<Answer | undefined>): Promise<boolean> {
    const number = (this.#asked += 1);
    const isNewest = (): boolean => number === this.#asked;
    this.problem = undefined;
    this.busy = true;
    try {
      const answer = await work(isNewest);
      if (!isNewest()) return false;
      this.answer = answer;
      return answer !== undefined;
    } catch (thrown) {
      if (isNewest()) this.problem = asProblem(thrown);
      return false;
    } finally {
      if (isNewest()) this.busy = false;
    }
  }

  #forgetAnswer(): void {
    this.answer = undefined;
    this.highlighted = this.selected = undefined;
  }

  /** Picks a face, or lets go of the one that is picked. */
  toggle(position: number): void {
    this.selected = this.selected === position ? undefined : position;
  }

  /** Something was dropped or pasted that is no file. */
  nothingGiven(): void {
    this.problem = new Problem(sharedTexts.photo.noFile, sharedTexts.photo.noFileRemedy);
  }

  /** Back to the beginning; lets go of the photo. */
  clear(): void {
    this.#asked += 1;
    closePhoto(this.photo);
    this.photo = undefined;
    this.#forgetAnswer();
    this.problem = undefined;
    this.busy = false;
  }
}
