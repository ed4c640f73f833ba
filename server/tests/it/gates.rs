//! Gates in the store: a run is held exactly before one of its changes of state becomes durable, without a word in the console's code.
//!
//! A trigger refuses the change, and the executor, which does not let a run go because its store is at fault, asks again until the gate is
//! opened.

use std::time::{Duration, Instant};

use sqlx::{PgConnection, raw_sql};

use crate::{kubernetes::Workload, store::TestStore};

const GATES: &str = r#"
create table gates (id int primary key, target text not null, step int not null, state text not null);
create function held(held_id int) returns void language plpgsql as $$
begin
  -- A sequence keeps its value when the transaction does not.
  perform nextval(format('gate_%s', held_id));
  raise exception 'held at a gate';
end $$;
create function gate_step() returns trigger language plpgsql security definer as $$
declare gate int;
begin
  select g.id into gate from gates g join runs r on r.target = g.target
   where r.id = new.run_id and g.step = new.no and g.state = new.state and new.state is distinct from old.state;
  if found then perform held(gate); end if;
  return new;
end $$;
create function gate_run() returns trigger language plpgsql security definer as $$
declare gate int;
begin
  select g.id into gate from gates g where g.target = new.target and g.step = -1 and g.state = new.state and new.state is distinct from old.state;
  if found then perform held(gate); end if;
  return new;
end $$;
create function gate_note() returns trigger language plpgsql security definer as $$
declare gate int;
begin
  select g.id into gate from gates g join runs r on r.target = g.target where r.id = new.run_id and g.step = -2 and g.state = new.name;
  if found then perform held(gate); end if;
  return new;
end $$;
create trigger gate before insert or update on run_notes for each row execute function gate_note();
create trigger gate before update on run_steps for each row execute function gate_step();
create trigger gate before update on runs for each row execute function gate_run();
"#;

/// The gates of one store.
pub struct Gates {
    owner: PgConnection,
    last: i32,
}

/// Before what a run is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// The run gets this state.
    Run(&'static str),
    /// The step, counted from 0, gets this state.
    Step(i32, &'static str),
    /// A note of this name is kept: after its intent, before its effect.
    Note(&'static str),
}

impl Gates {
    pub async fn new(it: &TestStore) -> Self {
        let mut owner = it.owner().await;
        raw_sql(GATES).execute(&mut owner).await.unwrap();
        Self { owner, last: 0 }
    }

    /// Closes a gate for whatever runs on `workload`; its number.
    pub async fn close(&mut self, workload: &Workload, before: Before) -> i32 {
        self.close_on(workload.system.as_str(), before).await
    }

    /// Closes a gate for whatever runs on `target`; its number.
    pub async fn close_on(&mut self, target: &str, before: Before) -> i32 {
        self.last += 1;
        let (step, state) = match before {
            Before::Run(state) => (-1, state),
            Before::Step(no, state) => (no, state),
            Before::Note(name) => (-2, name),
        };
        raw_sql(sqlx::AssertSqlSafe(format!("create sequence gate_{}", self.last))).execute(&mut self.owner).await.unwrap();
        sqlx::query("insert into gates values ($1, $2, $3, $4)")
            .bind(self.last)
            .bind(target)
            .bind(step)
            .bind(state)
            .execute(&mut self.owner)
            .await
            .unwrap();
        self.last
    }

    /// Waits until a run stands before a gate.
    pub async fn reached(&mut self, gate: i32) {
        let began = Instant::now();
        let question = format!("select is_called from gate_{gate}");
        loop {
            let called: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(question.clone())).fetch_one(&mut self.owner).await.unwrap();
            if called {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "nothing came to gate {gate}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Opens every gate.
    pub async fn open(&mut self) {
        raw_sql("delete from gates").execute(&mut self.owner).await.unwrap();
    }
}
