# Ruling 26 of the template language.
Feature: A listen takes matching events, also those that came before

  Scenario: One event gives a list of one
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r26, version: 1.0.0 }
      do:
        - hear: { listen: { to: { one: { with: { type: order.paid.v1 } } } } }
      """
    When the workflow is executed
    Then the workflow should be waiting
    When the event is received:
      """yaml
      { type: order.seen.v1, data: { n: 1 } }
      """
    Then the workflow should be waiting
    When the event is received:
      """yaml
      { type: order.paid.v1, data: { n: 2 } }
      """
    Then the workflow should complete with output:
      """yaml
      [ { n: 2 } ]
      """

  Scenario: An event that came before the wait is taken
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r26, version: 1.0.0 }
      do:
        - rest: { wait: PT10S }
        - hear: { listen: { to: { one: { with: { type: order.paid.v1 } } } } }
      """
    When the workflow is executed
    And the event is received:
      """yaml
      { type: order.paid.v1, data: { n: 2 } }
      """
    And the engine restarts
    Then the workflow should complete with output:
      """yaml
      [ { n: 2 } ]
      """
    And the workflow should take PT10S

  Scenario: All wants an event for each filter and gives them in the order of the filters
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r26, version: 1.0.0 }
      do:
        - hear: { listen: { to: { all: [ { with: { type: a.v1 } }, { with: { type: b.v1 } } ] } } }
      """
    When the workflow is executed
    And the event is received:
      """yaml
      { type: b.v1, data: b }
      """
    And the event is received:
      """yaml
      { type: b.v1, data: again }
      """
    And the engine restarts
    Then the workflow should be waiting
    When the event is received:
      """yaml
      { type: a.v1, data: a }
      """
    Then the workflow should complete with output:
      """yaml
      [ a, b ]
      """

  Scenario: Any takes the first of either
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r26, version: 1.0.0 }
      do:
        - hear: { listen: { to: { any: [ { with: { type: a.v1 } }, { with: { type: b.v1 } } ] } } }
      """
    When the workflow is executed
    And the event is received:
      """yaml
      { type: b.v1, data: b }
      """
    Then the workflow should complete with output:
      """yaml
      [ b ]
      """

  Scenario: until is asked after each event, with the events so far
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r26, version: 1.0.0 }
      do:
        - hear: { listen: { to: { any: [ { with: { type: a.v1 } } ], until: 'length == 2' } } }
      """
    When the workflow is executed
    And the event is received:
      """yaml
      { type: a.v1, data: 1 }
      """
    Then the workflow should be waiting
    When the event is received:
      """yaml
      { type: a.v1, data: 2 }
      """
    Then the workflow should complete with output:
      """yaml
      [ 1, 2 ]
      """

  Scenario: An event in until ends the wait and is no part of its output
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r26, version: 1.0.0 }
      do:
        - hear: { listen: { to: { any: [ { with: { type: a.v1 } } ], until: { one: { with: { type: stop.v1 } } } } } }
      """
    When the workflow is executed
    And the event is received:
      """yaml
      { type: a.v1, data: 1 }
      """
    And the event is received:
      """yaml
      { type: stop.v1, data: 2 }
      """
    Then the workflow should complete with output:
      """yaml
      [ 1 ]
      """

  Scenario: A filter may be a predicate
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r26, version: 1.0.0 }
      do:
        - hear: { listen: { to: { one: { with: { type: a.v1, data: '${ .n > 5 }' } } } } }
      """
    When the workflow is executed
    And the event is received:
      """yaml
      { type: a.v1, data: { n: 1 } }
      """
    Then the workflow should be waiting
    When the event is received:
      """yaml
      { type: a.v1, data: { n: 7 } }
      """
    Then the workflow should complete with output:
      """yaml
      [ { n: 7 } ]
      """
