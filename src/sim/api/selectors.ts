// Label and field selectors: which objects of a list or watch are meant.
import { badRequest } from './status.ts';
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

function parseLabelSelector(selector: string): Requirement[] {
  return splitTop(selector).map((part) => checked(parseRequirement(part.trim(), selector), selector));
}

/** At commas outside of parentheses. */
function splitTop(selector: string): string[] {
  if (selector.trim() === '') return [];
  return selector.split(/,(?![^(]*\))/);
}

function parseRequirement(text: string, selector: string): Requirement {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = '', operator, values = ''] = set;
    const list = values.split(',').map((value) => value.trim());
    return { key, operator: operator === 'in' ? 'in' : 'notin', values: list };
  }
  const compared = /^([^\s=!<>]+)\s*(==|=|!=|>|<)\s*([^\s=!<>]*)$/.exec(text);
  if (compared !== null) {
    const [, key = '', sign = '', value = ''] = compared;
    return { key, operator: signs[sign] ?? '=', values: [value] };
  }
  const exists = /^(!?)\s*([^\s=!<>()]+)$/.exec(text);
  if (exists === null) throw badRequest(unreadable(selector, text));
  return { key: exists[2] ?? '', operator: exists[1] === '!' ? '!' : 'exists', values: [] };
}

const signs: Readonly<Record<string, Operator>> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
};

const unreadable = (selector: string, part: string): string =>
  `unable to parse requirement: found '${part}', expected: identifier in selector ${JSON.stringify(selector)}`;

function checked(requirement: Requirement, _selector: string): Requirement {
  const [problem] = keyProblems(requirement.key);
  if (problem !== undefined) {
    throw badRequest(
      `unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(requirement.key)}: ${problem}`,
    );
  }
  for (const [i, value] of requirement.values.entries()) {
    const [wrong] = labelValueProblems(value);
    if (wrong === undefined) continue;
    throw badRequest(
      `unable to parse requirement: values[${i}][${requirement.key}]: Invalid value: ${JSON.stringify(value)}: ${wrong}`,
    );
  }
  return requirement;
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

/** Errors: 400 for a field that the kind does not know. */
export function fieldMatcher(terms: readonly FieldTerm[], known: readonly string[]): Matches {
  const unknown = terms.find(({ field }) => !known.includes(field) && !alwaysKnown.includes(field));
  if (unknown !== undefined) throw badRequest(`field label not supported: ${unknown.field}`);
  return (object) =>
    terms.every(({ field, equals, value }) => (fieldText(valueAt(object, field)) === value) === equals);
}

const alwaysKnown = ['metadata.name', 'metadata.namespace'];

const fieldText = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
