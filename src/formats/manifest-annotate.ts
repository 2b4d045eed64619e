// One annotation into the text of a static Pod: that is what makes the kubelet start the Pod anew (its UID is a hash of
// the parsed Pod; a touch or a comment changes nothing). Every other byte of the file stays.
import { isDeepStrictEqual } from 'node:util';
import { isScalar, type Pair, type YAMLMap } from 'yaml';
import { CertError } from '../errors.ts';
import { manifestOf } from './manifest-read.ts';
import { editableMap, entry, errorAt, field, isRecord, parseYaml, positionAt } from './yaml-text.ts';
import { rangeOf, refuseShared, scalarRange, splice, type YamlText } from './yaml-text.ts';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Sets one annotation of a Pod: changes its value where it is, else inserts it.
 *
 * @param key a qualified name, @param value printable ASCII
 * @throws CertError Unsupported, MalformedYaml with line and column when the text cannot be edited with certainty
 */
export function annotate(text: string, key: string, value: string, file = 'manifest'): string {
  // What needs no escape means the same in YAML 1.1, 1.2 and JSON.
  if (!/^[A-Za-z0-9][A-Za-z0-9._/-]*$/u.test(key) || !/^[ -~]*$/u.test(value)) {
    throw new CertError(
      'Unsupported',
      `${file}: annotation ${JSON.stringify(key)} or its value is not plain ASCII`,
      { file },
    );
  }
  const before = parseYaml(text, file);
  manifestOf(before);
  const after = splice(text, [editFor(before, key, value)]);
  proveOneAnnotation(before, parseYaml(after, file), key, value);
  return after;
}

function editFor(source: YamlText, key: string, value: string): Edit {
  const root = editableMap(source, source.document.contents, 'the Pod');
  const metadataPair = entry(root, 'metadata');
  const metadata = editableMap(source, metadataPair?.value, 'metadata');
  const pair = entry(metadata, 'annotations');
  const quoted = `${JSON.stringify(key)}: ${JSON.stringify(value)}`;
  if (pair === undefined)
    return insertInto(source, metadata, metadataPair, { key: 'annotations', value: `{${quoted}}` });

  refuseShared(source, pair.value, 'metadata.annotations');
  if (isScalar(pair.value) && pair.value.value === null) return fillNull(source, pair, `{${quoted}}`);
  const annotations = editableMap(source, pair.value, 'metadata.annotations');
  const existing = entry(annotations, key);
  if (existing === undefined)
    return insertInto(source, annotations, pair, { key, value: JSON.stringify(value) });
  const [start, end] = scalarRange(source, existing.value, `annotation ${key}`);
  const raw = source.text.slice(start, end);
  return { start, end, text: raw === '' ? ` ${JSON.stringify(value)}` : JSON.stringify(value) };
}

/** As the first entry: right behind `{`, or on a line of its own below the key of the map. */
function insertInto(
  source: YamlText,
  map: YAMLMap,
  owner: Pair | undefined,
  added: { readonly key: string; readonly value: string },
): Edit {
  const { text } = source;
  const start = rangeOf(map)?.[0] ?? 0;
  if (map.flow === true) {
    const comma = map.items.length === 0 ? '' : ', ';
    return { start: start + 1, end: start + 1, text: `${JSON.stringify(added.key)}: ${added.value}${comma}` };
  }
  const first = rangeOf(map.items[0]?.key)?.[0];
  const ownerEnd = rangeOf(owner?.key)?.[1];
  if (first === undefined || ownerEnd === undefined)
    throw errorAt('Unsupported', source, start, 'an empty map');
  const lineStart = text.lastIndexOf('\n', first - 1) + 1;
  const indent = text.slice(lineStart, first);
  if (!/^ *$/u.test(indent)) {
    throw errorAt(
      'Unsupported',
      source,
      first,
      'a key does not begin its own line; write it in plain block style',
    );
  }
  const ownerLineEnd = text.indexOf('\n', ownerEnd);
  if (
    ownerLineEnd < 0 ||
    ownerLineEnd >= first ||
    !/^\s*:\s*(?:#[^\n]*)?$/u.test(text.slice(ownerEnd, ownerLineEnd))
  ) {
    throw errorAt(
      'Unsupported',
      source,
      start,
      'a map does not begin below its key; write it in plain block style',
    );
  }
  const end = text[ownerLineEnd - 1] === '\r' ? '\r\n' : '\n';
  const at = ownerLineEnd + 1;
  const line =
    added.key === 'annotations'
      ? blockOf(added.value, indent, end)
      : `${indent}${added.key}: ${added.value}${end}`;
  return { start: at, end: at, text: line };
}

/** `annotations:` and its one entry below, as people write it. */
function blockOf(flow: string, indent: string, end: string): string {
  return `${indent}annotations:${end}${indent}  ${flow.slice(1, -1).replace(/^"([^"]*)"/u, '$1')}${end}`;
}

/** `annotations:` without a value, or `null`. */
function fillNull(source: YamlText, pair: Pair, flow: string): Edit {
  const range = rangeOf(pair.value);
  const keyEnd = rangeOf(pair.key)?.[1];
  if (range === undefined || keyEnd === undefined)
    throw errorAt('Unsupported', source, 0, 'annotations have no place');
  if (range[1] > range[0]) return { start: range[0], end: range[1], text: flow };
  const colon = source.text.indexOf(':', keyEnd);
  if (colon < 0) throw errorAt('Unsupported', source, keyEnd, 'annotations have no colon');
  return { start: colon + 1, end: colon + 1, text: ` ${flow}` };
}

/** The proof: the new text read again differs in that one annotation and in nothing else. */
function proveOneAnnotation(before: YamlText, after: YamlText, key: string, value: string): void {
  const expected: unknown = structuredClone(before.value);
  const metadata = field(expected, 'metadata');
  if (isRecord(metadata)) {
    const annotations = field(metadata, 'annotations');
    Object.assign(metadata, { annotations: { ...(isRecord(annotations) ? annotations : {}), [key]: value } });
  }
  if (isDeepStrictEqual(expected, after.value)) return;
  const place = { file: before.file, ...positionAt(before.text, 0) };
  throw new CertError('Unsupported', `${before.file}: an annotation would change more than itself`, place);
}
