// Expressions of the Common Expression Language, as custom resources and admission policies have them.
import { Environment } from '@marcbachmann/cel-js';
import { isFields } from './objects.ts';

type Program = (variables: Record<string, unknown>) => unknown;

const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
});
const programs = new Map<string, Program>();

/** JSON's whole numbers are CEL's int, which the library has as bigint. */
export function celValue(value: unknown): unknown {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (Array.isArray(value)) return value.map(celValue);
  if (!isFields(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, celValue(inner)]));
}

/** Value of an expression; variables are as `celValue` makes them. Errors: any, for what cannot be evaluated. */
export function evaluate(expression: string, variables: Record<string, unknown>): unknown {
  const program = programs.get(expression) ?? environment.parse(expression);
  programs.set(expression, program);
  return program(variables);
}

/** Whether a rule is true; one that cannot be evaluated is not. */
export function ruleHolds(rule: string, variables: Record<string, unknown>): boolean {
  try {
    const values = Object.entries(variables).map(([name, value]) => [name, celValue(value)]);
    return evaluate(rule, Object.fromEntries(values)) === true;
  } catch {
    return false;
  }
}
