# Ruling 27 of the template language.
Feature: Correlation compares what events carry

  Scenario: With what is expected when the wait begins
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r27, version: 1.0.0 }
      do:
        - hear: { listen: { to: { one: { with: { type: a.v1 }, correlate: { order: { from: .data.order, expect: '${ .order }' } } } } } }
      """
    And given the workflow input is:
      """yaml
      { order: o7 }
      """
    When the workflow is executed
    And the event is received:
      """yaml
      { type: a.v1, data: { order: o8 } }
      """
    And the event is received:
      """yaml
      { type: a.v1, data: { other: o7 } }
      """
    Then the workflow should be waiting
    When the event is received:
      """yaml
      { type: a.v1, data: { order: o7 } }
      """
    Then the workflow should complete with output:
      """yaml
      [ { order: o7 } ]
      """

  Scenario: Without an expectation the first event fixes the value
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r27, version: 1.0.0 }
      do:
        - hear:
            listen:
              to:
                all:
                  - { with: { type: a.v1 }, correlate: { order: { from: .data.order } } }
                  - { with: { type: b.v1 }, correlate: { order: { from: .data.order } } }
      """
    When the workflow is executed
    And the event is received:
      """yaml
      { type: a.v1, data: { order: o7 } }
      """
    And the event is received:
      """yaml
      { type: b.v1, data: { order: o8 } }
      """
    Then the workflow should be waiting
    When the event is received:
      """yaml
      { type: b.v1, data: { order: o7 } }
      """
    Then the workflow should complete with output:
      """yaml
      [ { order: o7 }, { order: o7 } ]
      """
