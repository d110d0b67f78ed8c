import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import { Component, type ReactNode } from 'react';

/** Keeps an error of one view from taking the page with it. */
export class ErrorStop extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <Alert
        type="error"
        header="This view can’t be shown"
        action={
          <Button
            onClick={() => {
              location.reload();
            }}
          >
            Load the page again
          </Button>
        }
      >
        {error.message}
      </Alert>
    );
  }
}
