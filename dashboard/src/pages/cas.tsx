import type { Authority } from '../../../src/view/authorities.ts';
import { Badge, type Tone } from '../parts/badge.tsx';
import { WithData } from '../parts/loading.tsx';
import { useReader } from '../reader.ts';

const tones: Readonly<Record<Authority['state'], Tone>> = { fine: 'good', ending: 'warn', expired: 'bad' };

export function Cas() {
  const { w } = useReader();
  return (
    <>
      <h1>{w('nav.cas')}</h1>
      <p class="about">{w('cas.about')}</p>
      <WithData<{ readonly cas: readonly Authority[] }> path="/api/v1/cas">
        {({ cas }) =>
          cas.length === 0 ? (
            <p class="empty">{w('cas.none')}</p>
          ) : (
            <ul class="cas">
              {cas.map((one) => (
                <Ca key={one.sha256} one={one} />
              ))}
            </ul>
          )
        }
      </WithData>
    </>
  );
}

function Ca({ one }: { readonly one: Authority }) {
  const { w, say, date } = useReader();
  return (
    <li>
      <h2>{one.ca}</h2>
      <p>
        <Badge tone={tones[one.state]}>{say(one.text)}</Badge>
      </p>
      <dl class="facts wide">
        <div>
          <dt>{w('cert.subject')}</dt>
          <dd>
            <bdi>{one.subject}</bdi>
          </dd>
        </div>
        <div>
          <dt>{w('cert.from')}</dt>
          <dd>{date(one.notBefore)}</dd>
        </div>
        <div>
          <dt>{w('col.path')}</dt>
          <dd>
            {one.path}, {w('cas.nodes', { count: one.nodes, node: one.on })}
          </dd>
        </div>
        <div>
          <dt>{w('col.certificates')}</dt>
          <dd>{w('cas.signed', { count: one.signed })}</dd>
        </div>
        <div>
          <dt>{w('cert.key')}</dt>
          <dd>{one.keyAlgorithm}</dd>
        </div>
        <div>
          <dt>{w('cert.serial')}</dt>
          <dd>
            <code>{one.serial}</code>
          </dd>
        </div>
        <div>
          <dt>{w('cert.sha256')}</dt>
          <dd>
            <code>{one.sha256}</code>
          </dd>
        </div>
      </dl>
    </li>
  );
}
