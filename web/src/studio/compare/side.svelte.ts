// One side of the comparison: a photo, its faces, and which of them is meant.
import { FACE_ID_SECONDS, facesToAskAbout, type FaceWithId } from '../../shared/api/face';
import { asProblem, Problem } from '../../shared/api/problem';
import { closePhoto, openPhoto, type Photo } from '../../shared/photo';
import { sharedTexts } from '../../shared/texts';
import { texts } from '../texts';

/** A faceId with less life than this left is asked for anew. */
const SAFETY_SECONDS = 10;

export class Side {
  photo = $state.raw<Photo | undefined>(undefined);
  faces = $state.raw<FaceWithId[]>([]);
  chosen = $state(0);
  busy = $state(false);
  problem = $state.raw<Problem | undefined>(undefined);
  #detectedAt = 0;
  #asked = 0;

  /** The face to compare; the largest comes first and is the default. */
  get face(): FaceWithId | undefined {
    return this.faces[this.chosen];
  }

  /** Whether the face was found now; false when it failed or another photo came between. */
  async show(file: File): Promise<boolean> {
    const question = (this.#asked += 1);
    this.problem = undefined;
    this.busy = true;
    try {
      const photo = await openPhoto(file);
      if (question !== this.#asked) {
        closePhoto(photo);
        return false;
      }
      closePhoto(this.photo);
      this.photo = photo;
      this.faces = [];
      this.chosen = 0;
      const found = await facesToAskAbout(photo.bytes);
      if (question !== this.#asked) return false;
      this.faces = found;
      this.#detectedAt = performance.now();
      if (found.length === 0) this.problem = new Problem(texts.compare.noFace, texts.compare.noFaceRemedy);
      return found.length > 0;
    } catch (thrown) {
      if (question === this.#asked) this.problem = asProblem(thrown);
      return false;
    } finally {
      if (question === this.#asked) this.busy = false;
    }
  }

  /** The faceId of the chosen face; looks at the photo again when it is about to expire. */
  async freshFaceId(): Promise<string | undefined> {
    const age = (performance.now() - this.#detectedAt) / 1000;
    if (this.photo && age > FACE_ID_SECONDS - SAFETY_SECONDS) {
      this.faces = await facesToAskAbout(this.photo.bytes);
      this.#detectedAt = performance.now();
    }
    return this.face?.faceId;
  }

  nothing(): void {
    this.problem = new Problem(sharedTexts.photo.noFile, sharedTexts.photo.noFileRemedy);
  }

  clear(): void {
    this.#asked += 1;
    closePhoto(this.photo);
    this.photo = undefined;
    this.faces = [];
    this.chosen = 0;
    this.busy = false;
    this.problem = undefined;
  }
}
