// Liveness sessions as an app server uses them: created, read and deleted with the key.
import { answered, clientOf, subscriptionKey } from '../../shared/api/client';
import { key } from '../../shared/key.svelte';

export type Decision = 'realface' | 'spoofface' | 'uncertain';
export type Assurance = 'none' | 'L0' | 'L1' | 'L2d' | 'L2a';

export interface SessionAttempt {
  attemptId: number;
  attemptStatus: string;
  result?: {
    livenessDecision?: Decision;
    digest?: string;
    likeness?: { assurance?: Assurance; policyVersion?: string; passiveNet?: string; reason?: string };
  };
  error?: { code: string; message: string };
}

export interface Session {
  sessionId: string;
  authToken: string;
  status: string;
  results?: { attempts?: SessionAttempt[] };
}

interface Answer<Status extends number, Body> {
  responses: Record<Status, { content: { 'application/json': Body } }>;
}

/** These calls, until the API's description has them. */
interface Paths {
  '/face/v1.2/detectLiveness-sessions': {
    post: Answer<200, Session> & {
      requestBody: { content: { 'application/json': { livenessOperationMode: 'PassiveActive'; deviceCorrelationId: string; numberOfClientAttemptsAllowed: number } } };
    };
  };
  '/face/v1.2/detectLiveness-sessions/{sessionId}': {
    get: Answer<200, Session> & { parameters: { path: { sessionId: string } } };
    delete: { responses: { 204: { content?: never } }; parameters: { path: { sessionId: string } } };
  };
}

const client = clientOf<Paths>({ credentials: { key, header: subscriptionKey } });
const named = (sessionId: string) => ({ params: { path: { sessionId } } });

/** A session about nobody in particular: its correlation id is new each time. */
export const createSession = (): Promise<Session> =>
  answered(
    client.POST('/face/v1.2/detectLiveness-sessions', {
      body: { livenessOperationMode: 'PassiveActive', deviceCorrelationId: crypto.randomUUID(), numberOfClientAttemptsAllowed: 1 },
    }),
  );

export const readSession = (sessionId: string): Promise<Session> =>
  answered(client.GET('/face/v1.2/detectLiveness-sessions/{sessionId}', named(sessionId)));

export async function deleteSession(sessionId: string): Promise<void> {
  await answered(client.DELETE('/face/v1.2/detectLiveness-sessions/{sessionId}', named(sessionId)));
}
