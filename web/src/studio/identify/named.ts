// Puts faces, candidates and names together.
import type { FaceRectangle, FaceWithId, IdentifyResult, Person } from '../../shared/api/face';
import { texts } from '../texts';

export interface NamedFace {
  rectangle: FaceRectangle;
  /** Nothing for a stranger. */
  name?: string;
  confidence?: number;
  /** Further candidates, as text. */
  others?: string;
}

export function named(faces: FaceWithId[], results: IdentifyResult[], persons: Person[]): NamedFace[] {
  const nameOf = new Map(persons.map((person) => [person.personId, person.name]));
  const candidatesOf = new Map(results.map((result) => [result.faceId, result.candidates]));
  return faces.map((face) => {
    const [best, ...rest] = candidatesOf.get(face.faceId) ?? [];
    if (!best) return { rectangle: face.faceRectangle };
    const name = (personId: string): string => nameOf.get(personId) ?? texts.identify.gone;
    const others = rest.map((other) => `${name(other.personId)} (${other.confidence.toFixed(2)})`).join(', ');
    return {
      rectangle: face.faceRectangle,
      name: name(best.personId),
      confidence: best.confidence,
      ...(others ? { others } : {}),
    };
  });
}
