// YAML read for exact edits: nodes keep the range of text that they came from, and whatever cannot be edited with
// certainty (aliases, tags, duplicate keys, several documents) is refused with its line and column.
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  parseDocument,
  visit,
  YAMLParseError,
  type Document,
  type Pair,
  type ParsedNode,
  type YAMLMap,
} from 'yaml';
import { CertError, type ErrorCode } from '../errors.ts';

/** Nothing on a node that we read is larger; the kubelet's own limit for a static Pod is 10 MiB. */
const textLimit = 1024 * 1024;

/** The text of one file and what it means. Readonly; an edit makes a new text. */
export interface YamlText {
  readonly text: string;
  /** Path for messages. */
  readonly file: string;
  readonly document: Document.Parsed;
  /** The whole as plain values. */
  readonly value: unknown;
}

/** @throws CertError MalformedYaml, Unsupported (what YAML allows and we refuse), TooLarge; with line and column */
export function parseYaml(text: string, file: string): YamlText {
  if (text.length > textLimit)
    throw new CertError('TooLarge', `${file} has more than ${textLimit} characters`, { file });
  const document = parse(text, file);
  const [error] = document.errors;
  if (error !== undefined) {
    const code =
      error.code === 'DUPLICATE_KEY' || error.code === 'MULTIPLE_DOCS' ? 'Unsupported' : 'MalformedYaml';
    throw errorAt(code, { text, file }, error.pos[0], `cannot be read: ${firstLine(error)}`);
  }
  refuseCollectionKeys(text, file, document);
  return { text, file, document, value: plainValue(text, file, document) };
}

function parse(text: string, file: string): Document.Parsed {
  try {
    return parseDocument(text, { logLevel: 'error', prettyErrors: true });
  } catch (error) {
    // Whatever the parser gives up on: mostly it knows where.
    const what = `cannot be read as YAML: ${firstLine(error)}`;
    if (error instanceof YAMLParseError) throw errorAt('MalformedYaml', { text, file }, error.pos[0], what);
    throw new CertError('MalformedYaml', `${file} ${what}`, { file, cause: error });
  }
}

/** Without its own position and the excerpt below it. */
const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(/ at line \d|\n/u)[0] ?? '';

function plainValue(text: string, file: string, document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw errorAt(
      'Unsupported',
      { text, file },
      0,
      `has aliases or nesting that cannot be resolved: ${cause}`,
    );
  }
}

/** `{{ … }}` of a template reads as a map whose key is a map. */
function refuseCollectionKeys(text: string, file: string, document: Document.Parsed): void {
  try {
    visit(document, {
      Pair(_, pair) {
        if (isScalar(pair.key) && typeof pair.key.value !== 'object') return;
        if (isScalar(pair.key) && pair.key.value === null) return;
        const range = rangeOf(pair.key);
        throw errorAt(
          'Unsupported',
          { text, file },
          range?.[0] ?? 0,
          'has a key that is no plain text (a template?)',
        );
      },
    });
  } catch (error) {
    if (error instanceof CertError) throw error;
    throw new CertError('MalformedYaml', `${file} is nested too deeply`, { file, cause: error });
  }
}

/** 1-based line and column of an offset. */
export function positionAt(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** An error whose message names file, line and column. */
export function errorAt(
  code: ErrorCode,
  source: { readonly text: string; readonly file: string },
  offset: number,
  what: string,
): CertError {
  const { line, column } = positionAt(source.text, offset);
  return new CertError(code, `${source.file}:${line}:${column}: ${what}`, {
    file: source.file,
    line,
    column,
  });
}

/** The entry of a map, found by its text; `undefined` when the map has none. */
export function entry(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isPair(pair) && isScalar(pair.key) && pair.key.value === key);
}

/** Offsets [start, end of value, end with what follows] of a parsed node. */
export function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  const range = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
  if (!Array.isArray(range)) return undefined;
  const [start, valueEnd, end]: readonly unknown[] = range;
  if (typeof start !== 'number' || typeof valueEnd !== 'number' || typeof end !== 'number') return undefined;
  return [start, valueEnd, end];
}

/** A map that can be edited in place: neither an alias, nor the target of one, nor tagged, without merge keys. */
export function editableMap(source: YamlText, node: unknown, what: string): YAMLMap {
  refuseShared(source, node, what);
  if (!isMap(node)) throw errorAt('Unsupported', source, rangeOf(node)?.[0] ?? 0, `${what} is no map`);
  const merge = entry(node, '<<');
  if (merge !== undefined) {
    const offset = rangeOf(merge.key)?.[0] ?? 0;
    throw errorAt('Unsupported', source, offset, `${what} merges another map (<<); write its keys out`);
  }
  return node;
}

/** Anchors, aliases and tags: an edit there could change more than its own place, or mean something else. */
export function refuseShared(source: YamlText, node: unknown, what: string): asserts node is ParsedNode {
  const offset = rangeOf(node)?.[0] ?? 0;
  if (isAlias(node))
    throw errorAt('Unsupported', source, offset, `${what} is an alias (*); write its value out`);
  const { anchor, tag }: { anchor?: unknown; tag?: unknown } = isObject(node) ? node : {};
  if (anchor !== undefined)
    throw errorAt('Unsupported', source, offset, `${what} has an anchor (&); remove it`);
  if (tag !== undefined && (typeof tag !== 'string' || !standardTags.has(tag))) {
    throw errorAt('Unsupported', source, offset, `${what} has a tag (!); remove it`);
  }
}

const standardTags: ReadonlySet<string> = new Set(
  ['map', 'seq', 'str', 'null', 'int', 'float', 'bool'].map((name) => `tag:yaml.org,2002:${name}`),
);

function isObject(node: unknown): node is object {
  return typeof node === 'object' && node !== null;
}

/**
 * Where the text of a scalar lies, quotes included. Refused: block scalars, values over several lines, aliases, tags.
 */
export function scalarRange(source: YamlText, node: unknown, what: string): readonly [number, number] {
  refuseShared(source, node, what);
  const range = rangeOf(node);
  if (!isScalar(node) || range === undefined)
    throw errorAt('Unsupported', source, range?.[0] ?? 0, `${what} is no text`);
  const raw = source.text.slice(range[0], range[1]);
  if (/[\r\n]/u.test(raw) || node.type === 'BLOCK_FOLDED' || node.type === 'BLOCK_LITERAL') {
    throw errorAt('Unsupported', source, range[0], `${what} goes over several lines; write it on one`);
  }
  return [range[0], range[1]];
}

/** Replaces stretches of a text; they must not overlap. */
export function splice(
  text: string,
  edits: readonly { readonly start: number; readonly end: number; readonly text: string }[],
): string {
  let result = text;
  for (const edit of edits.toSorted((a, b) => b.start - a.start)) {
    result = result.slice(0, edit.start) + edit.text + result.slice(edit.end);
  }
  return result;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of an own key: `__proto__` and its like are data here. */
export function field(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Text, or undefined when the key is absent, null or empty. @throws CertError Unsupported when it is something else */
export function textField(value: unknown, key: string, file: string, where: string): string | undefined {
  const content = field(value, key);
  if (content === undefined || content === null || content === '') return undefined;
  if (typeof content === 'string') return content;
  throw new CertError('Unsupported', `${file}: ${where}.${key} is no text`, { file });
}
