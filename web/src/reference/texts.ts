// The texts of the API reference.
import { counted } from '../shared/texts';

const en = {
  heading: 'Every call of this server',
  which: 'Which description',
  apis: { face: 'Face API', management: 'Management, tokens, notices' },
  key: {
    face: 'Send one of the account’s keys in the header Ocp-Apim-Subscription-Key. {version} is any public version, such as v1.0.',
    management: 'Send the operator’s key in the header Ocp-Apim-Subscription-Key, or an account key where the call accepts one. “likeness keys show” prints both.',
  },
  search: 'Find a call',
  count: (n: number) => counted(n, 'call', 'calls'),
  name: 'Name',
  type: 'Type',
  meaning: 'Meaning',
  required: 'required',
  bounds: {
    characters: (most: number) => `≤ ${most} characters`,
    entries: (least: number, most: number) => `${least}…${most} entries`,
    usual: (value: string) => `default ${value}`,
  },
  places: { path: 'in the path', query: 'in the query' },
  parameters: 'Parameters',
  body: (media: string) => `Body, ${media}`,
  answer: 'Answer',
  statuses: 'Status',
  attempt: 'Try it in a terminal',
};

export type ReferenceTexts = typeof en;
/** In the reader's language: another language is another value of this type, chosen here. */
export const texts: ReferenceTexts = en;
