import Button, { type ButtonProps } from '@cloudscape-design/components/button';
import { useIsAdmin } from '../app/context';

const REASON = 'Viewers can look, not change. Sign in as a member of the group admins.';

/** A button for admins: a viewer sees it, disabled, with the reason. */
export function AdminButton(given: ButtonProps & { 'data-testid'?: string }) {
  const isAdmin = useIsAdmin();
  return isAdmin ? <Button {...given} /> : <Button {...given} disabled disabledReason={REASON} />;
}
