// The descriptions that the server gives of itself. They describe every call but the ones that fetch them.
import { answered, clientOf } from '../shared/api/client';
import type { Description } from './description';

export const DOCUMENTS = { face: '/openapi.json', management: '/openapi-admin.json' } as const;
export type Name = keyof typeof DOCUMENTS;

interface Document {
  get: { responses: { 200: { content: { 'application/json': Description } } } };
}
const client = clientOf<Record<(typeof DOCUMENTS)[Name], Document>>();

export const fetched = (name: Name): Promise<Description> => answered(client.GET(DOCUMENTS[name]));
