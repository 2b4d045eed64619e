// Where two JSON values differ.

/** Paths of the leaves that differ, like `status.conditions.0.reason`. Equal values give none. */
export function changedFields(before: unknown, after: unknown, path = ''): readonly string[] {
  if (Object.is(before, after)) return [];
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after))
    return [path];
  const left = new Map(Object.entries(before));
  const right = new Map(Object.entries(after));
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((key) =>
    changedFields(left.get(key), right.get(key), path === '' ? key : `${path}.${key}`),
  );
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null;
