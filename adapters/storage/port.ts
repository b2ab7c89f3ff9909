/** The storage that machines carry. */
export interface Storage {
  /**
   * Whether one more machine may be taken away now. Not healthy, no answer and an answer that is not understood all say no; a cluster
   * without replicated storage says yes, naming what it looked for.
   */
  health(signal?: AbortSignal): Promise<{ readonly healthy: boolean; readonly why: string }>;
}
