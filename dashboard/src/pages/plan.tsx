import type { PlanItem } from '../../../src/view/plan.ts';
import { Act, ActOnAll } from '../parts/act.tsx';
import { Badge, toneOfPhase } from '../parts/badge.tsx';
import { WithData } from '../parts/loading.tsx';
import { Gates } from '../parts/rotation.tsx';
import { useReader } from '../reader.ts';
import { nodeLink } from '../route.ts';

interface Value {
  readonly mode: 'auto' | 'manual' | 'observe';
  readonly paused: boolean;
  readonly plan: readonly PlanItem[];
}

/** More than anybody reads to the end. */
const most = 300;

export function Plan() {
  const { w } = useReader();
  return (
    <>
      <h1>{w('nav.plan')}</h1>
      <p class="about">{w('plan.about')}</p>
      <WithData<Value> path="/api/v1/plan">
        {({ mode, paused, plan }) => (
          <>
            {!paused && (
              <div class="row mode">
                <p>{w(`plan.mode.${mode}`)}</p>
                <ActOnAll action="pause-all" />
              </div>
            )}
            {plan.length === 0 ? (
              <p class="empty">{w('next.none')}</p>
            ) : (
              <>
                <ol class="plan">
                  {plan.slice(0, most).map((item) => (
                    <Item key={item.name} item={item} />
                  ))}
                </ol>
                {plan.length > most && (
                  <p class="about">{w('filter.count', { count: most, total: plan.length })}</p>
                )}
              </>
            )}
          </>
        )}
      </WithData>
    </>
  );
}

function Item({ item }: { readonly item: PlanItem }) {
  const { w, say, date, time } = useReader();
  const {
    node,
    role,
    phase,
    phaseText,
    urgency,
    asked,
    certificates,
    until,
    gates,
    why,
    restarts,
    attempts,
  } = item;
  return (
    <li>
      <div class="row">
        <a class="node" href={nodeLink(node)}>
          {node}
        </a>
        <Badge tone={toneOfPhase[phase]}>{say(phaseText)}</Badge>
        {urgency !== 'due' && <Badge tone="bad">{say({ key: `urgency.${urgency}` })}</Badge>}
        {item.approvable && <Act action={{ action: 'approve', rotation: item.name }} />}
      </div>
      <p class="why">
        {gates.length === 0 && say(why)}
        {item.startedAt !== undefined ? ` · ${w('plan.since', { at: time(item.startedAt) })}` : ''}
      </p>
      <Gates gates={gates} />
      <p class="sub">
        {w(`role.${role}`)} · {say(asked)}
        {until === undefined ? '' : ` · ${w('plan.until', { at: date(until) })}`}
        {attempts > 1 ? ` · ${w('plan.attempt', { count: attempts })}` : ''} · {certificates.join(', ')}
        {restarts !== undefined && ` · ${say(restarts)}`}
      </p>
    </li>
  );
}
