// The part of an OpenAPI document that the reference shows, and how it is laid out for reading.
import { texts } from './texts';

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: (string | null)[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

export interface Parameter {
  name: string;
  in: 'path' | 'query';
  required: boolean;
  description?: string;
  schema: Schema;
}

interface Content {
  schema: Schema;
}

interface Answer {
  $ref?: string;
  description: string;
  content?: Record<string, Content>;
}

export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters: Parameter[];
  security?: unknown[];
  requestBody?: { content: Record<string, Content> };
  responses: Record<string, Answer>;
}

export interface Description {
  info: { title: string; version: string; description: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses?: Record<string, Answer> };
}

/** One call, as the page lists it. */
export interface Call {
  id: string;
  method: string;
  path: string;
  operation: Operation;
}

export interface Section {
  name: string;
  calls: Call[];
}

/** A member of a shape: indented by how deep it lies. */
export interface Member {
  name: string;
  depth: number;
  type: string;
  required: boolean;
  says: string;
}

/** All calls by heading, in the order of the document. */
export function sections(description: Description): Section[] {
  const found = new Map<string, Call[]>();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const responses = Object.fromEntries(
        Object.entries(operation.responses).map(([status, answer]) => [status, answered(answer, description)]),
      );
      const name = operation.tags[0] ?? '';
      const calls = found.get(name) ?? [];
      calls.push({ id: operation.operationId, method: method.toUpperCase(), path, operation: { ...operation, responses } });
      found.set(name, calls);
    }
  }
  return [...found].map(([name, calls]) => ({ name, calls }));
}

/** An answer, also where it stands under a name. */
const answered = (answer: Answer, description: Description): Answer =>
  (answer.$ref && description.components.responses?.[answer.$ref.split('/').pop() ?? '']) || answer;

/** Behind a name, and behind a choice between one shape and nothing. */
export function resolved(schema: Schema, description: Description): Schema {
  const name = schema.$ref?.split('/').pop();
  const shape = name ? (description.components.schemas[name] ?? {}) : schema;
  const [only, ...others] = choices(shape).filter(({ type }) => type !== 'null');
  return only && others.length === 0 ? resolved(only, description) : shape;
}

/** Shapes of which one has to fit. */
const choices = (shape: Schema): Schema[] => shape.oneOf ?? shape.anyOf ?? [];

/** The members of several shapes, each told once; one that only some shapes want is not told as if it were always there. */
function together(shapes: Member[][]): Member[] {
  const names = [...new Set(shapes.flat().map(({ name }) => name))];
  return names.flatMap((name) => {
    const same = shapes.flatMap((rows) => rows.filter((row) => row.name === name));
    const told = same.find(({ type }) => type !== 'null') ?? same[0];
    const required = same.length === shapes.length && same.every((row) => row.required);
    return told ? [{ ...told, required }] : [];
  });
}

/** The members of a shape and of the shapes in it, flat. Nothing in the document contains itself. */
export function members(schema: Schema, description: Description, depth = 0): Member[] {
  const shape = resolved(schema, description);
  if (shape.items) return members(shape.items, description, depth);
  const several = choices(shape);
  if (several.length > 0) return together(several.map((one) => members(one, description, depth)));
  return Object.entries(shape.properties ?? {}).flatMap(([name, given]) => {
    const member = resolved(given, description);
    const row = {
      name,
      depth,
      type: typeOf(given, description),
      required: shape.required?.includes(name) ?? false,
      says: [given.description ?? member.description ?? '', bounds(member)].filter(Boolean).join(' '),
    };
    // 27 landmarks of two numbers each are told once.
    const inner = name === 'faceLandmarks' ? [] : members(given, description, depth + 1);
    return [row, ...inner];
  });
}

export function typeOf(schema: Schema, description: Description): string {
  const shape = resolved(schema, description);
  if (shape.items) return `${typeOf(shape.items, description)}[]`;
  if (choices(shape).length > 0) {
    return [...new Set(choices(shape).map((one) => typeOf(one, description)))].join(' | ');
  }
  const type = [shape.type ?? 'object'].flat().join(' | ');
  return shape.format && shape.format !== 'binary' ? shape.format : type;
}

/** What a value may be, beyond its type. */
export function bounds(shape: Schema): string {
  const parts: string[] = [];
  if (shape.enum) parts.push(shape.enum.filter((one) => one !== null).join(', '));
  if (shape.minimum !== undefined || shape.maximum !== undefined) parts.push(`${shape.minimum ?? ''}…${shape.maximum ?? ''}`);
  if (shape.maxLength !== undefined) parts.push(texts.bounds.characters(shape.maxLength));
  if (shape.maxItems !== undefined) parts.push(texts.bounds.entries(shape.minItems ?? 0, shape.maxItems));
  if (shape.default !== undefined) parts.push(texts.bounds.usual(String(shape.default)));
  return parts.length > 0 ? `(${parts.join('; ')})` : '';
}

/** A line to paste into a terminal. */
export function curl(call: Call, origin: string): string {
  const path = call.path.replace('{version}', 'v1.0').replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase());
  const content = Object.keys(call.operation.requestBody?.content ?? {});
  const lines = [`curl -X ${call.method} '${origin}${path}'`];
  if (call.operation.security?.length !== 0) lines.push(`-H "Ocp-Apim-Subscription-Key: $KEY"`);
  if (content.includes('application/octet-stream')) {
    lines.push(`-H 'Content-Type: application/octet-stream'`, `--data-binary @photo.jpg`);
  } else if (content.length > 0) {
    lines.push(`-H 'Content-Type: application/json'`, `-d '{ … }'`);
  }
  return lines.join(' \\\n     ');
}
