// The Face API as functions. Types come from the server's own description; nothing here is known only to this page.
import type { components, paths } from '../../api/schema';
import { key } from '../key.svelte';
import { answered, clientOf, isTaken, subscriptionKey } from './client';

type Schemas = components['schemas'];
export type DetectedFace = Schemas['DetectedFace'];
export type FaceRectangle = Schemas['FaceRectangle'];
export type FaceLandmarks = Schemas['FaceLandmarks'];
export type FaceAttributes = Schemas['FaceAttributes'];
export type VerifyResult = Schemas['VerifyResult'];
export type IdentifyResult = Schemas['IdentifyResult'];
export type PersonGroup = Schemas['PersonGroup'];
export type Person = Schemas['Person'];
export type TrainingStatus = Schemas['TrainingStatus'];

const version: 'v1.2' = 'v1.2';
/** Seconds that a faceId lives; the least the API allows, since this page asks at once. */
export const FACE_ID_SECONDS = 60;
/** The API's bound on faceIds in one identify call. */
const IDENTIFY_BATCH = 10;
const RECOGNITION = 'recognition_04';

const client = clientOf<paths>({
  credentials: { key, header: subscriptionKey },
  repeatablePosts: /\/(detect|verify|identify|train)$/,
});

/** Pictures go as they are. The description calls such a body a string, which is how it writes "bytes". */
function bytes(picture: Blob): { body: never; bodySerializer: () => Blob; headers: Record<string, string> } {
  return {
    body: picture as never,
    bodySerializer: () => picture,
    headers: { 'Content-Type': 'application/octet-stream' },
  };
}

const stoppable = (signal?: AbortSignal): { signal?: AbortSignal } => (signal ? { signal } : {});

/** Whether the server takes this key; anything but "wrong key" is thrown. */
export const isKeyRight = (candidate: string): Promise<boolean> =>
  isTaken(
    client.GET('/face/{version}/persongroups', {
      params: { path: { version }, query: { top: 1 } },
      headers: Object.fromEntries([subscriptionKey(candidate)]),
    }),
  );

export interface Look {
  /** Search for small faces too; slower. */
  small: boolean;
}

/** Faces with attributes, and no faceId: the server keeps nothing. */
function measured(
  picture: Blob,
  attributes: string[],
  query: { returnFaceLandmarks?: boolean; detectionModel: 'detection_01' | 'detection_03' },
  signal?: AbortSignal,
): Promise<DetectedFace[]> {
  // Joined here: the API reads one comma-separated value.
  const returnFaceAttributes = attributes.join(',') as never;
  return answered(
    client.POST('/face/{version}/detect', {
      params: {
        path: { version },
        query: { returnFaceId: false, returnFaceAttributes, recognitionModel: RECOGNITION, ...query },
      },
      ...bytes(picture),
      ...stoppable(signal),
    }),
  );
}

/** Faces with landmarks and what the photo says about them. */
export function lookAt(picture: Blob, { small }: Look): Promise<DetectedFace[]> {
  // The deeper search has no measure of noise.
  const attributes = ['headPose', 'blur', 'exposure', ...(small ? [] : ['noise']), 'qualityForRecognition'];
  return measured(picture, attributes, {
    returnFaceLandmarks: true,
    detectionModel: small ? 'detection_03' : 'detection_01',
  });
}

/** What a photo is worth as a reference for a person. */
export function judgeReference(picture: Blob, signal?: AbortSignal): Promise<DetectedFace[]> {
  const attributes = ['headPose', 'blur', 'exposure', 'occlusion', 'qualityForRecognition'];
  return measured(picture, attributes, { detectionModel: 'detection_01' }, signal);
}

export type FaceWithId = DetectedFace & { faceId: string };

/** Faces with a faceId that lives a minute, to compare or identify at once. */
export async function facesToAskAbout(picture: Blob): Promise<FaceWithId[]> {
  const faces = await answered(
    client.POST('/face/{version}/detect', {
      params: {
        path: { version },
        query: {
          returnFaceId: true,
          faceIdTimeToLive: FACE_ID_SECONDS,
          detectionModel: 'detection_01',
          recognitionModel: RECOGNITION,
        },
      },
      ...bytes(picture),
    }),
  );
  return faces.filter((face): face is FaceWithId => face.faceId !== undefined);
}

export function verify(faceId1: string, faceId2: string): Promise<VerifyResult> {
  return answered(
    client.POST('/face/{version}/verify', { params: { path: { version } }, body: { faceId1, faceId2 } }),
  );
}

/** Asks for all faces, ten at a time. Without a threshold the server cuts by its false-positive rule. */
export async function identify(personGroupId: string, faceIds: string[]): Promise<IdentifyResult[]> {
  const results: IdentifyResult[] = [];
  for (let start = 0; start < faceIds.length; start += IDENTIFY_BATCH) {
    const body = {
      personGroupId,
      faceIds: faceIds.slice(start, start + IDENTIFY_BATCH),
      maxNumOfCandidatesReturned: 3,
    };
    results.push(
      ...(await answered(client.POST('/face/{version}/identify', { params: { path: { version } }, body }))),
    );
  }
  return results;
}

const PAGE = 1000;

/** Reads a paged list to its end. */
async function everyPage<T>(page: (start: string) => Promise<T[]>, idOf: (entry: T) => string): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const last = all.at(-1);
    const found = await page(last === undefined ? '' : idOf(last));
    all.push(...found);
    if (found.length < PAGE) return all;
  }
}

const inGroup = (personGroupId: string) => ({ path: { version, personGroupId } });

export function personGroups(): Promise<PersonGroup[]> {
  return everyPage(
    (start) =>
      answered(
        client.GET('/face/{version}/persongroups', {
          params: { path: { version }, query: { start, top: PAGE, returnRecognitionModel: true } },
        }),
      ),
    (group) => group.personGroupId,
  );
}

export async function createGroup(id: string, name: string, signal?: AbortSignal): Promise<void> {
  await answered(
    client.PUT('/face/{version}/persongroups/{personGroupId}', {
      params: inGroup(id),
      body: { name, recognitionModel: RECOGNITION },
      ...stoppable(signal),
    }),
  );
}

export async function deleteGroup(id: string): Promise<void> {
  await answered(client.DELETE('/face/{version}/persongroups/{personGroupId}', { params: inGroup(id) }));
}

export function personsOf(groupId: string): Promise<Person[]> {
  return everyPage(
    (start) =>
      answered(
        client.GET('/face/{version}/persongroups/{personGroupId}/persons', {
          params: { ...inGroup(groupId), query: { start, top: PAGE } },
        }),
      ),
    (person) => person.personId,
  );
}

export async function createPerson(groupId: string, name: string, signal?: AbortSignal): Promise<string> {
  const made = await answered(
    client.POST('/face/{version}/persongroups/{personGroupId}/persons', {
      params: inGroup(groupId),
      body: { name },
      ...stoppable(signal),
    }),
  );
  return made.personId;
}

export async function deletePerson(personGroupId: string, personId: string): Promise<void> {
  await answered(
    client.DELETE('/face/{version}/persongroups/{personGroupId}/persons/{personId}', {
      params: { path: { version, personGroupId, personId } },
    }),
  );
}

export async function addFace(
  personGroupId: string,
  personId: string,
  picture: Blob,
  signal?: AbortSignal,
): Promise<void> {
  await answered(
    client.POST('/face/{version}/persongroups/{personGroupId}/persons/{personId}/persistedfaces', {
      params: { path: { version, personGroupId, personId }, query: { detectionModel: 'detection_01' } },
      ...bytes(picture),
      ...stoppable(signal),
    }),
  );
}

export async function train(groupId: string, signal?: AbortSignal): Promise<void> {
  await answered(
    client.POST('/face/{version}/persongroups/{personGroupId}/train', {
      params: inGroup(groupId),
      ...stoppable(signal),
    }),
  );
}

export function trainingOf(groupId: string, signal?: AbortSignal): Promise<TrainingStatus> {
  return answered(
    client.GET('/face/{version}/persongroups/{personGroupId}/training', {
      params: inGroup(groupId),
      ...stoppable(signal),
    }),
  );
}
