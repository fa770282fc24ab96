// One side of the comparison: a photo, its faces, and which of them is meant.
import { FACE_ID_SECONDS, facesToAskAbout, type FaceWithId } from '../../shared/api/face';
import { Problem } from '../../shared/api/problem';
import type { Photo } from '../../shared/photo';
import { PhotoQuestion } from '../photo/question.svelte';
import { texts } from '../texts';

/** A faceId with less life than this left is asked for anew. */
const SAFETY_SECONDS = 10;

export class Side {
  readonly question = new PhotoQuestion<FaceWithId[]>((photo) => {
    this.chosen = 0;
    return facesToAskAbout(photo.bytes);
  });
  chosen = $state(0);
  #detectedAt = 0;

  get photo(): Photo | undefined {
    return this.question.photo;
  }

  get faces(): FaceWithId[] {
    return this.question.answer ?? [];
  }

  /** The face to compare; the largest comes first and is the default. */
  get face(): FaceWithId | undefined {
    return this.faces[this.chosen];
  }

  get problem(): Problem | undefined {
    const isEmpty = this.question.answer?.length === 0 && !this.question.busy;
    return this.question.problem ?? (isEmpty ? new Problem(texts.compare.noFace, texts.compare.noFaceRemedy) : undefined);
  }

  /** Whether the face was found now; false when it failed or another photo came between. */
  async show(file: File): Promise<boolean> {
    const isAnswered = await this.question.show(file);
    if (isAnswered) this.#detectedAt = performance.now();
    return isAnswered && this.face !== undefined;
  }

  /** The faceId of the chosen face; looks at the photo again when it is about to expire. */
  async freshFaceId(): Promise<string | undefined> {
    const age = (performance.now() - this.#detectedAt) / 1000;
    if (this.photo && age > FACE_ID_SECONDS - SAFETY_SECONDS) {
      this.question.answer = await facesToAskAbout(this.photo.bytes);
      this.#detectedAt = performance.now();
    }
    return this.face?.faceId;
  }
}
