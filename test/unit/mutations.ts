// Inputs for parsers: real texts, mutated. Random text alone never gets past a parser's first line.
import * as fc from 'fast-check';

/** What means something to JSON, YAML, PEM, systemd, base64, a shell, or to an object's prototype. */
const tokens = [
  [
    '',
    ' ',
    '\n',
    '\r\n',
    '\t',
    '\0',
    '\u2028',
    '\uFEFF',
    '\uD800',
    '\\',
    '\\\n',
    '"',
    "'",
    '`',
    '$',
    '${',
    '%n',
  ],
  ['{', '}', '[', ']', ',', ':', ': ', '- ', '#', '&a ', '*a', '!!binary ', '<<: ', '|', '>', '---\n', '? '],
  ['null', 'true', '1e999', '-0', '9007199254740993', '0x10', '{}', '[]', '""', 'NaN'],
  ['"__proto__":{"a":1},', '__proto__: {a: 1}\n', 'constructor', 'toString: x\n', 'hasOwnProperty'],
  [
    '-----BEGIN CERTIFICATE-----\n',
    '-----END CERTIFICATE-----\n',
    '-----',
    'AAAA',
    '=',
    '==',
    'Proc-Type: 4\n',
  ],
  ['[Service]\n', 'ExecStart=', 'Environment=', 'EnvironmentFile=-', '--', '--config=', '/', '../', '0/1 '],
].flat();

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof(fc.constant(0), fc.nat(3), fc.nat(400)),
  text: fc.oneof(
    fc.constantFrom(...tokens),
    fc.string({ maxLength: 6 }),
    fc.string({ unit: 'binary', maxLength: 4 }),
  ),
});

/** A seed with up to four edits, a seed cut in a seed, or anything at all. */
export function mutated(seeds: readonly [string, ...string[]]): fc.Arbitrary<string> {
  const seed = fc.constantFrom(...seeds);
  const edited = fc.tuple(seed, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([text, edits]) =>
    edits.reduce((before, { at, length, text: put }) => {
      const from = Math.floor(at * before.length);
      return before.slice(0, from) + put + before.slice(from + length);
    }, text),
  );
  const crossed = fc.tuple(seed, seed, edit, edit).map(([a, b, { at }, { at: to }]) => {
    return a.slice(0, Math.floor(at * a.length)) + b.slice(Math.floor(to * b.length));
  });
  return fc.oneof(
    { weight: 6, arbitrary: edited },
    { weight: 1, arbitrary: crossed },
    { weight: 1, arbitrary: fc.string() },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom(...tokens), { maxLength: 30 }).map((some) => some.join('')),
    },
  );
}

/** JSON seeds: any value inside is put out of shape, so that what is wrong lies deep, not in the syntax. */
export function mutatedJson(seeds: readonly [string, ...string[]]): fc.Arbitrary<string> {
  const strange = fc.oneof(
    fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, '', '/', [], {}, [null], [[]], { length: -1 }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const deep = fc.tuple(fc.constantFrom(...seeds), fc.nat(), strange).map(([seed, where, value]) => {
    const copy: unknown = JSON.parse(seed);
    const places = placesOf(copy);
    const place = places[where % places.length];
    if (place !== undefined) Reflect.set(place.holder, place.key, value);
    return JSON.stringify(copy);
  });
  return fc.oneof({ weight: 3, arbitrary: deep }, { weight: 1, arbitrary: mutated(seeds) });
}

interface Place {
  readonly holder: object;
  readonly key: string;
}

function placesOf(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [{ holder: value, key }, ...placesOf(inner)]);
}
