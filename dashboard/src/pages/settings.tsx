import type { SettingsPage as Value } from '../../../src/view/settings.ts';
import { WithData } from '../parts/loading.tsx';
import { useReader } from '../reader.ts';

export function Settings() {
  const { w, say } = useReader();
  return (
    <>
      <h1>{w('nav.settings')}</h1>
      <p class="about">{w('settings.about')}</p>
      <WithData<Value> path="/api/v1/settings">
        {({ settings, problem }) => (
          <>
            {problem !== undefined && (
              <p class="banner" role="alert">
                {say(problem)}
              </p>
            )}
            <table class="settings">
              <thead>
                <tr>
                  <th scope="col">{w('col.setting')}</th>
                  <th scope="col">{w('col.value')}</th>
                  <th scope="col">{w('col.default')}</th>
                  <th scope="col">{w('col.about')}</th>
                </tr>
              </thead>
              <tbody>
                {settings.map(({ name, value, fallback, changed, about }) => (
                  <tr key={name} class={changed ? 'changed' : ''}>
                    <th scope="row">
                      <code>{name}</code>
                    </th>
                    <td>
                      <span class="value">{value === '' ? w('settings.empty') : value}</span>{' '}
                      {changed && <span class="tag">{w('settings.changed')}</span>}
                    </td>
                    <td class="fallback">{fallback === '' ? w('settings.empty') : fallback}</td>
                    <td class="about">{say(about)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </>
        )}
      </WithData>
    </>
  );
}
