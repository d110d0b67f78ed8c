import './generated/global.css';
import './styles.css';
import I18nProvider from '@cloudscape-design/components/i18n';
import messages from '@cloudscape-design/components/i18n/messages/all.en';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/App';
import { fragmentOf } from './session/session';

// The code of the address works once: it is taken out at once, so that nobody copies it.
const { code, to } = fragmentOf(location.hash);
if (code !== undefined || to !== undefined) {
  history.replaceState(null, '', to ?? location.pathname + location.search);
}

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <I18nProvider locale="en" messages={[messages]}>
        <App code={code} />
      </I18nProvider>
    </StrictMode>,
  );
}
