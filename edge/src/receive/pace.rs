//! How fast a caller sends what it has begun: neither silence nor a drip may hold a call. Knows nothing of what is sent.
//!
//! Only the time in which the caller is waited for counts: what others take is not its fault. Apache's `mod_reqtimeout`
//! does the same for the same reason; windows instead of an average, so that a good beginning buys no time.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Limits of a caller's pace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The longest silence, and the time in which so many bytes must come.
    pub(crate) window: Duration,
    pub(crate) window_bytes_min: usize,
    /// For all of it; None where that may take as long as it takes.
    pub(crate) timeout: Option<Duration>,
}

/// Watches one body.
#[derive(Debug)]
pub(crate) struct Pace {
    limits: Limits,
    /// Bytes of this window.
    window_bytes: usize,
    /// How long the caller was waited for: in this window, since it last sent something, and in all.
    window: Duration,
    silence: Duration,
    total: Duration,
    /// None while nobody waits.
    waiting_since: Option<Instant>,
    /// Not there before somebody had to wait.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            window_bytes: 0,
            window: Duration::ZERO,
            silence: Duration::ZERO,
            total: Duration::ZERO,
            waiting_since: None,
            alarm: None,
        }
    }

    /// Something came.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.stop_waiting();
        self.silence = Duration::ZERO;
        self.window_bytes += bytes;
    }

    /// Ready when the caller is too slow. To be polled when nothing has come.
    pub(crate) fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.waiting_since.is_none() {
                self.wait();
            }
            if let Some(alarm) = &mut self.alarm {
                ready!(alarm.as_mut().poll(cx));
            }
            self.stop_waiting();
            if self.is_too_slow() {
                return Poll::Ready(());
            }
            if self.window >= self.limits.window {
                self.window = Duration::ZERO;
                self.window_bytes = 0;
            }
        }
    }

    fn is_too_slow(&self) -> bool {
        let Limits {
            window,
            window_bytes_min,
            timeout,
        } = self.limits;
        self.silence >= window
            || timeout.is_some_and(|timeout| self.total >= timeout)
            || self.window >= window && self.window_bytes < window_bytes_min
    }

    fn wait(&mut self) {
        let now = Instant::now();
        let window = self.limits.window.saturating_sub(self.window.max(self.silence));
        let left = self
            .limits
            .timeout
            .map(|timeout| timeout.saturating_sub(self.total));
        let deadline = now + left.map_or(window, |left| left.min(window));
        self.waiting_since = Some(now);
        match &mut self.alarm {
            Some(alarm) => alarm.as_mut().reset(deadline),
            None => self.alarm = Some(Box::pin(sleep_until(deadline))),
        }
    }

    fn stop_waiting(&mut self) {
        if let Some(since) = self.waiting_since.take() {
            let waited = since.elapsed();
            for time in [&mut self.window, &mut self.silence, &mut self.total] {
                *time += waited;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        window: Duration::from_secs(4),
        window_bytes_min: 2_000,
        timeout: Some(Duration::from_secs(20)),
    };

    /// Sends so many bytes after each pause, for ever; the seconds until that was too slow, or a minute.
    async fn seconds(limits: Limits, bytes: usize, pause: Duration) -> f64 {
        let mut pace = Pace::new(limits);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(60) {
            let too_slow = std::future::poll_fn(|cx| pace.poll_too_slow(cx));
            if tokio::time::timeout(pause, too_slow).await.is_ok() {
                break;
            }
            pace.advance(bytes);
        }
        began.elapsed().as_secs_f64().round()
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_drips_end_with_their_window_and_nothing_outlasts_the_timeout() {
        let second = Duration::from_secs(1);
        let without_end = Limits {
            timeout: None,
            ..LIMITS
        };
        assert_eq!(seconds(LIMITS, 0, second * 60).await, 4.0);
        assert_eq!(seconds(LIMITS, 1, second).await, 4.0);
        assert_eq!(seconds(LIMITS, 450, second).await, 4.0);
        assert_eq!(seconds(LIMITS, 700, second).await, 20.0);
        assert_eq!(seconds(LIMITS, 100_000, second * 3).await, 20.0);
        // 2 MiB in 16 s, over a megabit a second.
        assert_eq!(seconds(LIMITS, 16 << 10, second / 8).await, 20.0);
        assert_eq!(seconds(without_end, 700, second).await, 60.0);
        assert_eq!(seconds(without_end, 450, second).await, 4.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_beginning_buys_no_time() {
        let mut pace = Pace::new(LIMITS);
        pace.advance(1 << 20);
        let began = Instant::now();
        std::future::poll_fn(|cx| pace.poll_too_slow(cx)).await;
        assert_eq!(began.elapsed().as_secs(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_waits_is_not_the_callers() {
        let mut pace = Pace::new(LIMITS);
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(60)).await;
            let too_slow = std::future::poll_fn(|cx| pace.poll_too_slow(cx));
            let waited = tokio::time::timeout(Duration::from_secs(1), too_slow).await;
            assert!(waited.is_err());
            pace.advance(1);
        }
    }
}
