//! Cancelling what matches.

use crate::script::check;

#[test]
fn each_filter_alone_and_together() {
    check(
        "
        a 1 buy 1@90 group=3
          a:1 re 1 accepted a#1 buy 1@90 gtc
        a 2 buy 1@95
          a:2 re 2 accepted a#2 buy 1@95 gtc
        a 3 sell 1@110 group=3
          a:3 re 3 accepted a#3 sell 1@110 gtc
        a 4 sell 1@stop stop=80
          a:4 re 4 accepted a#4 sell 1@stop gtc stop=80
        a 5 cancel-all M side=sell group=3
          a:5 re 3 cancelled a#3 1 cancel_all
          a:6 re 5 cancel-all done, 1 orders
        a 6 cancel-all from=91 to=99
          a:7 re 2 cancelled a#2 1 cancel_all
          a:8 re 6 cancel-all done, 1 orders
        a 7 cancel-all group=3
          a:9 re 1 cancelled a#1 1 cancel_all
          a:10 re 7 cancel-all done, 1 orders
        a 8 cancel-all
          a:11 re 4 cancelled a#4 1 cancel_all
          a:12 re 8 cancel-all done, 1 orders
        ",
    );
}

#[test]
fn a_stop_without_limit_has_no_price() {
    check(
        "
        a 1 sell 1@stop stop=80
          a:1 re 1 accepted a#1 sell 1@stop gtc stop=80
        a 2 cancel-all from=1
          a:2 re 2 cancel-all done, 0 orders
        a 3 cancel-all side=sell
          a:3 re 1 cancelled a#1 1 cancel_all
          a:4 re 3 cancel-all done, 1 orders
        ",
    );
}
