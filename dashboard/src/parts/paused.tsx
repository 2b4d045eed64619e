import { useData } from '../data.ts';
import { useReader } from '../reader.ts';
import { ActOnAll } from './act.tsx';

/** Over every page: whoever looks at one node only should know, too. */
export function Paused() {
  const { w } = useReader();
  const { loaded } = useData<{ readonly paused: boolean }>('/api/v1/state');
  if (loaded.kind !== 'value' || !loaded.value.paused) return null;
  return (
    <aside class="banner warn" aria-label={w('paused')}>
      <p role="status">{w('paused.all')}</p>
      <ActOnAll action="resume-all" />
    </aside>
  );
}
