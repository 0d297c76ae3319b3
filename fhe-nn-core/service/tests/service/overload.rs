//! More callers than the service takes on.

use std::sync::atomic::{AtomicUsize, Ordering};

use fhe_nn_service::protocol::ProblemKind;
use fhe_nn_service::server::Settings;

use crate::fixture::{Setup, assert_problem, majority};

#[test]
fn what_is_accepted_is_answered_and_the_rest_is_told_when_to_come_back() {
    let service = Setup::default().with_places(3).start();
    let network = majority();
    assert_eq!(service.put_key(network, &[]).status, 201);
    let (answered, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for caller in 0..16u8 {
            let (service, answered, refused) = (&service, &answered, &refused);
            scope.spawn(move || {
                for round in 0..4u8 {
                    let input = (caller + round) % 8;
                    let request = network.request(input);
                    let answer = service.infer(network, "wait=60", &request.to_bytes());
                    if answer.status == 200 {
                        assert!(network.is_right(input, &request, &answer.body));
                        answered.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                    assert_problem(&answer, ProblemKind::TenantQueueFull);
                    let after = answer.header("retry-after").expect("it says when");
                    assert!(after.parse::<u64>().expect("it is a number") >= 1);
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (answered, refused) = (answered.into_inner(), refused.into_inner());
    assert_eq!(answered + refused, 64);
    assert!(answered >= 3 && refused > 0, "{answered} and {refused}");
}

#[test]
fn a_caller_who_hangs_up_gives_its_place_back() {
    let service = Setup::default().with_places(4).start();
    let network = majority();
    assert_eq!(service.put_key(network, &[]).status, 201);
    // many times as many calls as there are places, whose callers do not stay
    for input in (0..8).cycle().take(40) {
        let request = network.request(input).to_bytes();
        let head = format!(
            "POST /v1/models/Majority/inferences HTTP/1.1\r\nhost: localhost\r\nfhe-nn-key: {}\r\n\
             prefer: wait=60\r\ncontent-length: {}\r\n\r\n",
            network.hash,
            request.len()
        );
        let mut stream = std::net::TcpStream::connect(service.address).expect("it listens");
        std::io::Write::write_all(&mut stream, &[head.as_bytes(), &request].concat())
            .expect("it listens");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let request = network.request(7);
    let begin = std::time::Instant::now();
    loop {
        let answer = service.infer(network, "wait=60", &request.to_bytes());
        if answer.status == 200 {
            assert!(network.is_right(7, &request, &answer.body));
            break;
        }
        assert_problem(&answer, ProblemKind::TenantQueueFull);
        let time = begin.elapsed();
        assert!(time.as_secs() < 60, "no place is given back in {time:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn an_inference_that_no_worker_comes_to_in_time_is_given_up() {
    let defaults = Setup::default();
    let setup = Setup {
        settings: Settings {
            deadline: std::time::Duration::ZERO,
            ..defaults.settings
        },
        ..defaults
    };
    let service = setup.start();
    let network = majority();
    assert_eq!(service.put_key(network, &[]).status, 201);
    let bytes = network.request(1).to_bytes();
    let answer = service.infer(network, "wait=60", &bytes);
    assert_problem(&answer, ProblemKind::DeadlineExceeded);
}
