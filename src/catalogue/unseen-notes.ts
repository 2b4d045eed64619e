// What of a control plane is not seen, in the notes of its scan: written by the agent, read by the controller and the
// dashboard. Pure.
import { staticComponents, type NodeRole, type StaticComponent } from './ids.ts';
import { whyMissed, type Missed } from './missed.ts';
import { entryOf } from './table.ts';

const unseenPrefix = 'not seen, so not renewed: ';

/**
 * What is missed, for the notes of a scan, which sees no processes. A component that logs in without a certificate hides
 * none; one whose unit systemd is told to start is run by that.
 */
export function unseenNotes(missed: readonly Missed[]): readonly string[] {
  const hidden = missed.filter(({ lack, unit }) => lack !== 'no-certificate' && unit === undefined);
  const byReason = Map.groupBy(hidden, (each) => whyMissed(each, 'cert-renew'));
  return [
    ...[...byReason].map(([reason, group]) => {
      const names = group.map(({ id }) => entryOf(id).component);
      return `${unseenPrefix}${names.join(', ')}; ${reason}`;
    }),
    ...missed.flatMap(({ id, path, unit }) =>
      unit === undefined
        ? []
        : [
            `${entryOf(id).component} has no manifest here, and ${unit} is enabled: ${path} is not managed, and renewed by whoever runs it so`,
          ],
    ),
  ];
}

/** The components that such notes name; what else a node writes there names none. A worker has none, whatever lies on it. */
export function unseenIn(role: NodeRole, notes: readonly string[] = []): readonly StaticComponent[] {
  if (role !== 'control-plane') return [];
  const named = notes
    .filter((note) => note.startsWith(unseenPrefix))
    .flatMap((note) => note.slice(unseenPrefix.length).split('; ', 1))
    .flatMap((names) => names.split(', '));
  return staticComponents.filter((each) => named.includes(each));
}
