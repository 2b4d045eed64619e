import type { ComponentChildren } from 'preact';
import { useData } from '../data.ts';
import { useReader } from '../reader.ts';

/** What stands where data will be, until it is there. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who asks knows what the server sends
export function WithData<T>({
  path,
  gone,
  children,
}: {
  readonly path: string;
  /** Said where there is no such thing. */
  readonly gone?: string;
  readonly children: (value: T) => ComponentChildren;
}) {
  const { w } = useReader();
  const { loaded, again } = useData<T>(path);
  switch (loaded.kind) {
    case 'value':
      return <>{children(loaded.value)}</>;
    case 'loading':
      return (
        <p class="empty" role="status">
          {w('loading')}
        </p>
      );
    case 'starting':
      return (
        <p class="empty" role="status">
          {w('live.starting')}
        </p>
      );
    case 'gone':
      return <p class="empty">{gone ?? w('failed', { why: '404' })}</p>;
    case 'failed':
      return (
        <div class="empty" role="alert">
          <p>{w('failed', { why: loaded.why })}</p>
          <button type="button" onClick={again}>
            {w('retry')}
          </button>
        </div>
      );
    default:
      return loaded satisfies never;
  }
}
