import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import { Component, type ReactNode } from 'react';

interface Given {
  /** What is shown; another path is another try. */
  path: string;
  children: ReactNode;
}

interface State {
  error: Error | undefined;
}

/** Keeps an error of one view from taking the page with it. */
export class ErrorStop extends Component<Given, State> {
  override state: State = { error: undefined };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override componentDidUpdate({ path }: Given): void {
    if (path !== this.props.path && this.state.error) this.setState({ error: undefined });
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
