import type { History as Value } from '../../../src/view/history.ts';
import { WithData } from '../parts/loading.tsx';
import { Past } from '../parts/rotation.tsx';
import { useReader } from '../reader.ts';

export function History() {
  const { w } = useReader();
  return (
    <>
      <h1>{w('nav.history')}</h1>
      <WithData<Value> path="/api/v1/history">
        {({ total, rotations }) =>
          rotations.length === 0 ? (
            <p class="empty">{w('history.none')}</p>
          ) : (
            <>
              <p class="about">{w('history.about', { count: rotations.length, total })}</p>
              <Past rotations={rotations} withNode />
            </>
          )
        }
      </WithData>
    </>
  );
}
