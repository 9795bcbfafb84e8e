# Ruling 16 of the template language.
Feature: A fork gives the outputs of its branches in their order

  Scenario: Whoever ends first
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r16, version: 1.0.0 }
      do:
        - all:
            fork:
              branches:
                - slow: { call: 'work:1.0.0@default' }
                - quick: { call: 'work:1.0.0@default' }
      """
    And slow answers after PT5S:
      """yaml
      { slow: true }
      """
    And quick answers after PT1S:
      """yaml
      { quick: true }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      [ { slow: true }, { quick: true } ]
      """
    And the workflow should take PT5S

  Scenario: A race gives the winner's output alone
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r16, version: 1.0.0 }
      do:
        - first:
            fork:
              compete: true
              branches:
                - slow: { call: 'work:1.0.0@default' }
                - quick: { call: 'work:1.0.0@default' }
      """
    And slow answers after PT5S:
      """yaml
      { slow: true }
      """
    And quick answers after PT1S:
      """yaml
      { quick: true }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { quick: true }
      """
    And slow should cancel
    And the workflow should take PT1S

  Scenario: Every branch begins with the input of the fork, also after a restart
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r16, version: 1.0.0 }
      do:
        - all: { fork: { branches: [ { a: { set: { a: '${ .n + 1 }' } } }, { b: { call: 'work:1.0.0@default', with: { n: '${ .n }' } } } ] } }
      """
    And given the workflow input is:
      """yaml
      { n: 1 }
      """
    And b answers after PT5S:
      """yaml
      { b: true }
      """
    When the workflow is executed
    And the engine restarts
    Then the workflow should complete with output:
      """yaml
      [ { a: 2 }, { b: true } ]
      """
