import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { nodeStates } from '../../../src/view/node-states.ts';
import type { NodeRow } from '../../../src/view/nodes.ts';
import { Badge, toneOfState } from '../parts/badge.tsx';
import { WithData } from '../parts/loading.tsx';
import { useNarrow, useShown } from '../parts/virtual.ts';
import { useReader, type Reader } from '../reader.ts';
import { nodeLink } from '../route.ts';

interface Wanted {
  readonly text: string;
  readonly state: string;
  readonly role: string;
  readonly by: Column;
  readonly down: boolean;
}

const columns = ['node', 'state', 'until', 'role', 'version', 'read'] as const;
type Column = (typeof columns)[number];

export function Nodes({ query }: { readonly query: URLSearchParams }) {
  const { w } = useReader();
  return (
    <>
      <h1>{w('nav.nodes')}</h1>
      <WithData<{ readonly nodes: readonly NodeRow[] }> path="/api/v1/nodes">
        {({ nodes }) => <NodeTable nodes={nodes} query={query} />}
      </WithData>
    </>
  );
}

function wantedIn(query: URLSearchParams): Wanted {
  return {
    text: query.get('q') ?? '',
    state: query.get('state') ?? '',
    role: query.get('role') ?? '',
    by: columns.find((one) => one === query.get('by')) ?? 'state',
    down: query.get('down') === 'true',
  };
}

/** The address names what is shown, so that it can be sent to somebody. */
function keep({ text, state, role, by, down }: Wanted): void {
  const query = new URLSearchParams();
  if (text !== '') query.set('q', text);
  if (state !== '') query.set('state', state);
  if (role !== '') query.set('role', role);
  if (by !== 'state') query.set('by', by);
  if (down) query.set('down', 'true');
  const words = query.toString();
  history.replaceState(null, '', `#/nodes${words === '' ? '' : `?${words}`}`);
}

/** What the address says, and what was chosen since somebody went to it. */
function useWanted(query: URLSearchParams): readonly [Wanted, (part: Partial<Wanted>) => void] {
  const [chosen, setChosen] = useState({ query, wanted: wantedIn(query) });
  const wanted = useMemo(() => (chosen.query === query ? chosen.wanted : wantedIn(query)), [chosen, query]);
  const change = (part: Partial<Wanted>): void => {
    const next = { ...wanted, ...part };
    setChosen({ query, wanted: next });
    keep(next);
  };
  return [wanted, change];
}

const keys: Readonly<Record<Column, (row: NodeRow) => string | number>> = {
  node: ({ name }) => name,
  state: ({ state }) => nodeStates.indexOf(state),
  until: ({ until }) => until ?? '9999',
  role: ({ role }) => role,
  version: ({ version }) => version,
  read: ({ readAt }) => readAt ?? '',
};

function chosenOf(nodes: readonly NodeRow[], wanted: Wanted, { say }: Reader): readonly NodeRow[] {
  const words = wanted.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const found = nodes.filter((row) => {
    if (wanted.state !== '' && row.state !== wanted.state) return false;
    if (wanted.role !== '' && row.role !== wanted.role) return false;
    if (words.length === 0) return true;
    const text = `${row.name} ${row.version} ${say(row.text)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const key = keys[wanted.by];
  const sign = wanted.down ? -1 : 1;
  return found.toSorted((a, b) => {
    const [left, right] = [key(a), key(b)];
    if (left !== right) return left < right ? -sign : sign;
    return (a.until ?? '9999') < (b.until ?? '9999') ? -1 : 1;
  });
}

function NodeTable({
  nodes,
  query,
}: {
  readonly nodes: readonly NodeRow[];
  readonly query: URLSearchParams;
}) {
  const reader = useReader();
  const { w } = reader;
  const [wanted, change] = useWanted(query);
  const rows = useMemo(() => chosenOf(nodes, wanted, reader), [nodes, wanted, reader]);
  return (
    <>
      <Filter {...{ wanted, change }} />
      <p class="about" role="status">
        {w('filter.count', {
          count: rows.length.toLocaleString('en-US'),
          total: nodes.length.toLocaleString('en-US'),
        })}
      </p>
      <Rows {...{ rows, wanted, change }} />
      {rows.length === 0 && <p class="empty">{w(nodes.length === 0 ? 'nodes.none' : 'nodes.unlike')}</p>}
    </>
  );
}

interface FilterParts {
  readonly wanted: Wanted;
  readonly change: (part: Partial<Wanted>) => void;
}

function Filter({ wanted, change }: FilterParts) {
  const { w } = useReader();
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const isTyping =
        event.target instanceof HTMLElement && event.target.matches('input, textarea, select, dialog *');
      if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  return (
    <form class="filter" role="search" onSubmit={(event) => event.preventDefault()}>
      <label class="grow">
        <span>
          {w('filter')} <kbd>{w('filterKey')}</kbd>
        </span>
        <input
          ref={field}
          type="search"
          value={wanted.text}
          onInput={({ currentTarget }) => change({ text: currentTarget.value })}
        />
      </label>
      <label>
        <span>{w('filter.state')}</span>
        <select value={wanted.state} onChange={({ currentTarget }) => change({ state: currentTarget.value })}>
          <option value="">{w('filter.any')}</option>
          {nodeStates.map((state) => (
            <option key={state} value={state}>
              {w(`nodeState.${state}`)}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>{w('filter.role')}</span>
        <select value={wanted.role} onChange={({ currentTarget }) => change({ role: currentTarget.value })}>
          <option value="">{w('filter.any')}</option>
          <option value="control-plane">{w('role.control-plane')}</option>
          <option value="worker">{w('role.worker')}</option>
        </select>
      </label>
    </form>
  );
}

function Rows({ rows, wanted, change }: FilterParts & { readonly rows: readonly NodeRow[] }) {
  const reader = useReader();
  const { w } = reader;
  const rowHeight = useNarrow() ? 84 : 38;
  const body = useRef<HTMLTableSectionElement>(null);
  const { first, last } = useShown(body, rows.length, rowHeight);
  // What was drawn already is the same to Preact, and is not compared.
  const drawn = useMemo(() => {
    const known = new Map<string, VNode>();
    return (row: NodeRow, index: number): VNode => {
      const key = `${row.name} ${index}`;
      const made = known.get(key) ?? <Row key={row.name} row={row} index={index} />;
      known.set(key, made);
      return made;
    };
  }, [rows, reader]);
  return (
    <table class="nodes" aria-rowcount={rows.length + 1}>
      <thead>
        <tr aria-rowindex={1}>
          {columns.map((column) => (
            <th
              key={column}
              scope="col"
              class={column}
              aria-sort={wanted.by === column ? (wanted.down ? 'descending' : 'ascending') : undefined}
            >
              <button
                type="button"
                onClick={() => change({ by: column, down: wanted.by === column && !wanted.down })}
              >
                {w(`col.${column}`)}
              </button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body}>
        {first > 0 && <tr class="gap" aria-hidden="true" style={{ height: `${first * rowHeight}px` }} />}
        {rows.slice(first, last).map((row, i) => drawn(row, first + i + 2))}
        {last < rows.length && (
          <tr class="gap" aria-hidden="true" style={{ height: `${(rows.length - last) * rowHeight}px` }} />
        )}
      </tbody>
    </table>
  );
}

function Row({ row, index }: { readonly row: NodeRow; readonly index: number }) {
  const { w, say, date, time } = useReader();
  const { name, role, version, ready, paused, state, text, until, readAt } = row;
  return (
    <tr aria-rowindex={index}>
      <th scope="row" class="node">
        <a href={nodeLink(name)}>{name}</a>
        {!ready && <span class="tag">{w('notReady')}</span>}
        {paused && <span class="tag">{w('paused')}</span>}
      </th>
      <td class="state">
        <Badge tone={toneOfState[state]}>{say(text)}</Badge>
      </td>
      <td class="until">{until === undefined ? '–' : date(until)}</td>
      <td class="role">{w(`role.${role}`)}</td>
      <td class="version">{version}</td>
      <td class="read">{readAt === undefined ? '–' : time(readAt)}</td>
    </tr>
  );
}
