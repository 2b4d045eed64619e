// Label and field selectors: which objects of a list or watch are meant.
import type { Kind } from './kinds.ts';
import { badRequest, type ApiError } from './status.ts';
import { keyProblems, labelValueProblems } from './names.ts';
import { valueAt, type ApiObject } from './objects.ts';

export type Matches = (object: ApiObject) => boolean;

type Operator = 'in' | 'notin' | '=' | '!=' | 'exists' | '!' | 'gt' | 'lt';

interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

type Verdict = (value: string | undefined, values: readonly string[]) => boolean;

const verdicts: Readonly<Record<Operator, Verdict>> = {
  in: (value, values) => value !== undefined && values.includes(value),
  '=': (value, values) => value !== undefined && values.includes(value),
  notin: (value, values) => value === undefined || !values.includes(value),
  '!=': (value, values) => value === undefined || !values.includes(value),
  exists: (value) => value !== undefined,
  '!': (value) => value === undefined,
  gt: (value, [than]) => value !== undefined && Number(value) > Number(than),
  lt: (value, [than]) => value !== undefined && Number(value) < Number(than),
};

/** Errors: 400 for what is no selector. */
export function labelMatcher(selector: string): Matches {
  const requirements = parseLabelSelector(selector);
  return ({ metadata }) =>
    requirements.every(({ key, operator, values }) => verdicts[operator](metadata.labels?.[key], values));
}

/** A name or value, a sign, or the end (''). */
type Tokens = string[];

const signPattern = /(?:!=|==|=|!|<|>|,|\(|\))/;

function tokensOf(selector: string): Tokens {
  return selector.match(new RegExp(`${signPattern.source}|[^\\s!=<>,()]+`, 'g')) ?? [];
}

const isSign = (token: string): boolean => signPattern.test(token);

/** apimachinery's grammar, with its complaints. */
function parseLabelSelector(selector: string): Requirement[] {
  const tokens = tokensOf(selector);
  const requirements: Requirement[] = [];
  while (tokens.length > 0) {
    const [first = ''] = tokens;
    if (isSign(first) && first !== '!')
      throw badRequest(`found '${first}', expected: !, identifier, or 'end of string'`);
    requirements.push(readRequirement(tokens));
    const next = tokens.shift();
    if (next === undefined) break;
    if (next !== ',') throw badRequest(`found '${next}', expected: ',' or 'end of string'`);
    const [after = ''] = tokens;
    if (after === '' || (isSign(after) && after !== '!')) {
      throw badRequest(`found '${after}', expected: identifier after ','`);
    }
  }
  return requirements;
}

const unreadable = (why: string): ApiError => badRequest(`unable to parse requirement: ${why}`);

function readRequirement(tokens: Tokens): Requirement {
  const isNegated = tokens[0] === '!';
  if (isNegated) tokens.shift();
  const key = tokens.shift() ?? '';
  const [problem] = keyProblems(key);
  if (problem !== undefined) throw unreadable(`<nil>: Invalid value: ${JSON.stringify(key)}: ${problem}`);
  const [next = ''] = tokens;
  if (isNegated || next === '' || next === ',')
    return { key, operator: isNegated ? '!' : 'exists', values: [] };
  tokens.shift();
  const operator = operators[next];
  if (operator === undefined) throw unreadable(`found '${next}', expected: in, notin, =, ==, !=, gt, lt`);
  const values = operator === 'in' || operator === 'notin' ? readSet(tokens) : [readValue(tokens)];
  checkValues(key, values);
  return { key, operator, values };
}

const operators: Readonly<Record<string, Operator>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '=',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
};

function readValue(tokens: Tokens): string {
  const [value = ''] = tokens;
  if (value === '' || value === ',') return '';
  if (isSign(value)) throw unreadable(`found '${value}', expected: identifier`);
  tokens.shift();
  return value;
}

function readSet(tokens: Tokens): string[] {
  const open = tokens.shift() ?? '';
  if (open !== '(') throw unreadable(`found '${open}' expected: '('`);
  const end = tokens.indexOf(')');
  if (end < 0) throw unreadable(`found '', expected: ',' or ')'`);
  const inside = tokens.splice(0, end + 1).slice(0, -1);
  return inside.length === 0 ? [''] : inside.filter((token) => token !== ',');
}

function checkValues(key: string, values: readonly string[]): void {
  for (const [i, value] of values.entries()) {
    const [wrong] = labelValueProblems(value);
    if (wrong !== undefined) {
      throw unreadable(`values[${i}][${key}]: Invalid value: ${JSON.stringify(value)}: ${wrong}`);
    }
  }
}

export interface FieldTerm {
  readonly field: string;
  readonly equals: boolean;
  readonly value: string;
}

/** Errors: 400 for what is no selector. Which fields a kind knows is `fieldMatcher`'s. */
export function parseFieldSelector(selector: string): FieldTerm[] {
  return selector
    .split(/(?<!\\),/)
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(part);
      if (match === null) {
        throw badRequest(`invalid selector: '${selector}'; can't understand '${part}'`);
      }
      const [, field = '', sign, value = ''] = match;
      return { field, equals: sign !== '!=', value: value.replaceAll(/\\([,=\\])/g, '$1') };
    });
}

const alwaysKnown = ['metadata.name', 'metadata.namespace'];

/** Errors: 400 for a field that the kind does not know. */
export function fieldMatcher(terms: readonly FieldTerm[], { fieldLabels, typedItems }: Kind): Matches {
  const unknown = terms.find(({ field }) => !fieldLabels.includes(field) && !alwaysKnown.includes(field));
  if (unknown !== undefined) {
    const { field } = unknown;
    // Kinds without labels of their own have the answer that all such have.
    throw badRequest(
      fieldLabels.length === 0 && !typedItems
        ? `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`
        : `field label not supported: ${field}`,
    );
  }
  return (object) =>
    terms.every(({ field, equals, value }) => (fieldText(valueAt(object, field)) === value) === equals);
}

const fieldText = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
