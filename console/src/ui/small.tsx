import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import StatusIndicator, {
  type StatusIndicatorProps,
} from '@cloudscape-design/components/status-indicator';
import type { ReactNode } from 'react';
import { Link as RouterLink } from 'wouter';
import { inWords, Problem } from '../api/problem';
import { useNow } from '../app/now';
import { shown, type Payload } from '../live/payload';
import { age, moment, size } from '../values/time';

const TYPES: Record<string, StatusIndicatorProps.Type> = {
  ONLINE: 'success',
  OFFLINE: 'stopped',
  PROVISIONING: 'in-progress',
  QUARANTINED: 'warning',
  STOPPED: 'stopped',
  FAILED: 'error',
  TERMINATED: 'stopped',
  RUNNING: 'in-progress',
  SUCCEEDED: 'success',
  TIMED_OUT: 'error',
  ABORTED: 'stopped',
  PENDING_REDRIVE: 'pending',
};

/** The status of a device or an execution. */
export function Status({ status, testId }: { status: string; testId?: string }) {
  return (
    <span data-testid={testId ?? 'status'} data-status={status}>
      <StatusIndicator type={TYPES[status] ?? 'info'}>
        {status.replaceAll('_', ' ')}
      </StatusIndicator>
    </span>
  );
}

/** How long ago, counting on; the time itself when one points at it. */
export function Age({ at, none = '–' }: { at: number | string | null | undefined; none?: string }) {
  const now = useNow();
  if (at === null || at === undefined || at === 0) return <>{none}</>;
  const time = typeof at === 'number' ? at : Date.parse(at);
  return (
    <time dateTime={new Date(time).toISOString()} title={moment(time)}>
      {age(now - time)} ago
    </time>
  );
}

/** A link within the page. */
export function Link({ to, children, label }: { to: string; children: ReactNode; label?: string }) {
  return (
    <RouterLink href={to} className="link" {...(label !== undefined && { 'aria-label': label })}>
      {children}
    </RouterLink>
  );
}

/** Nothing there, and what to do next. */
export function Empty({
  title,
  isPage = false,
  children,
}: {
  title: string;
  /** Whether it is all that the page has, so that its title is the page's heading. */
  isPage?: boolean;
  children?: ReactNode;
}) {
  return (
    <Box textAlign="center" color="inherit" padding="l">
      {isPage ? <Box variant="h1">{title}</Box> : <b>{title}</b>}
      <Box variant="div" padding={{ top: 'xs' }} color="text-body-secondary">
        {children}
      </Box>
    </Box>
  );
}

/** What went wrong, in the API's own words, and a way to try again. */
export function ErrorBox({ error, again }: { error: unknown; again?: () => void }) {
  const errors = error instanceof Problem ? error.errors : [];
  return (
    <Alert
      type="error"
      header={error instanceof Problem ? error.title : 'That did not work'}
      action={again && <Button onClick={again}>Try again</Button>}
    >
      <div data-testid="error">
        {errors.length > 0 ? (
          <ul className="plain">
            {errors.map(({ field, rule }) => (
              <li key={field + rule}>
                <code>{field || 'the request'}</code> {rule}
              </li>
            ))}
          </ul>
        ) : (
          inWords(error)
        )}
      </div>
    </Alert>
  );
}

/** A payload as text, whatever it is, with its size. */
export function PayloadText({ payload }: { payload: Payload }) {
  const { text, clipped } = shown(payload);
  return (
    <div className="payload">
      <div className="payload-head">
        {payload.kind}, {size(payload.size)}
        {clipped ? ', shown in part' : ''}
      </div>
      {payload.kind !== 'empty' && <pre>{text}</pre>}
    </div>
  );
}

/** Any value as the text of its JSON. */
export function JsonText({ value }: { value: unknown }) {
  return <pre className="json">{JSON.stringify(value, null, 2)}</pre>;
}
